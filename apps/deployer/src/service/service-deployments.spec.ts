import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  serviceStream,
  variableSeal,
  ServiceDeploymentCancelRequested,
  ServiceDeploymentRequested,
  ServiceRegistered,
  ServiceRemoved,
  type NewEvent,
  type RecordedEvent,
  type WantedDeployment,
} from '@foldline/contracts';
import { openEmbeddedPorts, PortsModule, type EmbeddedPorts } from '@foldline/host';
import { ImageFailure, type Settings } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { freePort, sampleContext } from '@foldline/testing';
import { DeployerEvents } from '../deployer.events.ts';
import { DeployerModule } from '../deployer.module.ts';
import { KnownImages, ScriptedDriver } from './scripted-driver.fixture.ts';

let directory: string;
let embedded: EmbeddedPorts;
let driver: ScriptedDriver;
let images: KnownImages;
let here: Set<string>;
let app: INestApplicationContext;
let port: number;
let inside: number;

const start = async (): Promise<void> => {
  const ports = { ...embedded.ports, serviceDriver: driver, images };
  @Module({ imports: [PortsModule.forService('deployer', ports), DeployerModule] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
};
const restart = async (): Promise<void> => {
  await app.close();
  await start();
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-services-'));
  [port, inside] = [await freePort(), await freePort()];
  const settings = { dataDirectory: directory, logLevel: 'silent', host: '127.0.0.1', buildWorkers: 2 };
  embedded = await openEmbeddedPorts(settings as unknown as Settings, READ_MODELS);
  driver = new ScriptedDriver(inside);
  here = new Set(['shop:1', 'shop:2', 'shop:broken', 'shop:sick']);
  images = new KnownImages(here);
  driver.statuses.set('shop:broken', 0).set('shop:sick', 500);
  await start();
});
afterEach(async () => {
  await app.close();
  await driver.close();
  await embedded.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Appends as the gateway would. */
const recorded = async <Type extends string, Data>(event: NewEvent<Type, Data>): Promise<RecordedEvent<Type, Data>> => {
  const { eventStore, readModels } = embedded.ports;
  const stream = serviceStream('s1');
  const revision = (await eventStore.readStream(stream)).length - 1;
  const more = { id: `gateway-${revision}`, causationId: 'c', correlationId: stream };
  const actor = { kind: 'user' as const, id: 'admin' };
  const stored = await eventStore.append(stream, [{ ...event, ...more, actor }], revision);
  await readModels.reached(stored.position, 5000);
  return stored.events[0] as RecordedEvent<Type, Data>;
};
const names = { serviceId: 's1', number: 1, projectId: sampleContext.project.id };
let asked = 0;
const wanted = (image: string, more: Partial<WantedDeployment> = {}): WantedDeployment => ({
  deploymentId: `d${(asked += 1)}`,
  serviceId: 's1',
  number: asked,
  service: { number: 1, name: 'Shop' },
  project: sampleContext.project,
  projectNumber: 1,
  imageTag: image,
  images: [image],
  run: {
    ports: [{ host: port, container: inside }],
    environment: { GREETING: 'to $NAME' },
    healthCheck: { path: '/', port: inside, timeoutSeconds: 1 },
  },
  projectVariables: [],
  ...more,
});
const events = (): DeployerEvents => app.get(DeployerEvents, { strict: false });
const storedOf = (deploymentId: string): Promise<RecordedEvent[]> =>
  embedded.ports.eventStore.readStream(`deployment-${deploymentId}`);
const ended = async (deploymentId: string): Promise<RecordedEvent> => {
  const { clock, readModels } = embedded.ports;
  for (;;) {
    const last = (await storedOf(deploymentId)).findLast(({ type }) => /(?:Succeeded|Failed)$/.test(type));
    if (last) {
      await readModels.reached(last.position, 5000);
      return last;
    }
    await clock.sleep(5);
  }
};
const deploy = async (image: string, more: Partial<WantedDeployment> = {}): Promise<RecordedEvent> => {
  const event = await recorded(ServiceDeploymentRequested(wanted(image, more)));
  await events().serviceDeploymentRequested(event);
  return ended(event.data.deploymentId);
};
const served = async (): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
/** Asked for, and so far that it waits to be healthy, which it does not become. */
const begun = async (deploymentId: string): Promise<void> => {
  const event = await recorded(ServiceDeploymentRequested(wanted('shop:sick')));
  event.data.run.healthCheck.timeoutSeconds = 600;
  await events().serviceDeploymentRequested(event);
  while (!driver.starts.includes(deploymentId)) await embedded.ports.clock.sleep(5);
};
const cancelWish = (deploymentId: string) =>
  recorded(ServiceDeploymentCancelRequested({ deploymentId, serviceId: 's1' }));
/** Told as often as it pleases the bus. */
const cancel = async (deploymentId: string): Promise<void> => {
  const wish = await cancelWish(deploymentId);
  for (let told = 0; told < 2; told += 1) await events().serviceDeploymentCancelRequested(wish);
};
const cancelled = { type: 'ServiceDeploymentFailed', data: { code: 'cancelled' } };
const typesOf = async (deploymentId: string): Promise<string[]> =>
  (await storedOf(deploymentId)).map(({ type }) => type.replace('ServiceDeployment', ''));
const failure = async (image: string, more: Partial<WantedDeployment> = {}): Promise<unknown> =>
  (await deploy(image, more)).data;

describe('a service', () => {
  beforeEach(async () => {
    asked = 0;
    const config = { name: 'Shop' } as ReturnType<typeof ServiceRegistered>['data']['config'];
    await recorded(ServiceRegistered({ ...names, projectNumber: 1, config }));
  });

  it('that is deployed is reached at its port, and its container has what it is given', async () => {
    const sealed = embedded.ports.secretBox.seal('ada', variableSeal(names.projectId, 'NAME'));
    const NAME = { key: 'NAME', sealed, protected: false, masked: true };
    const { type } = await deploy('shop:1', { projectVariables: [NAME] });
    expect(type).toBe('ServiceDeploymentSucceeded');
    expect(await served()).toBe('shop:1');
    expect(driver.containers.get('d1')!.wanted).toMatchObject({
      alias: 'shop',
      image: 'shop:1',
      environment: { GREETING: 'to ada' },
    });
    expect((await storedOf('d1')).map((event) => event.type)).toEqual([
      'ServiceDeploymentStarted',
      'ServiceDeploymentAdvanced',
      'ServiceDeploymentAdvanced',
      'ServiceDeploymentAdvanced',
      'ServiceDeploymentAdvanced',
      'ServiceDeploymentSucceeded',
    ]);
  });

  it('is deployed once, however often and late it is told', async () => {
    const event = await recorded(ServiceDeploymentRequested(wanted('shop:1')));
    await Promise.all([events().serviceDeploymentRequested(event), events().serviceDeploymentRequested(event)]);
    await ended('d1');
    await restart();
    await events().serviceDeploymentRequested(event);
    await deploy('shop:2');
    expect(driver.starts).toEqual(['d1', 'd2']);
    expect(await storedOf('d1')).toHaveLength(6);
  });

  it('keeps one container for a rollback, which is stopped, and no older ones', async () => {
    for (const image of ['shop:1', 'shop:2', 'shop:1']) await deploy(image);
    await app.close();
    expect([...driver.containers.keys()]).toEqual(['d2', 'd3']);
    expect((await driver.standing('d2'))?.state).toBe('stopped');
    await start();
  });

  it('leaves alone what another instance runs under the same name', async () => {
    const other = {
      deploymentId: 'another',
      serviceId: 's1',
      network: 'n',
      alias: 'shop',
      image: 'x',
      environment: {},
    };
    await driver.start(other);
    for (const image of ['shop:1', 'shop:2', 'shop:1']) await deploy(image);
    events().serviceRemoved(await recorded(ServiceRemoved(names)));
    await app.close();
    expect(driver.containers.has('another')).toBe(true);
    await start();
  });

  it('that is rolled back says so of what was taken back, once', async () => {
    await deploy('shop:1');
    await deploy('shop:2');
    await deploy('gone:1', { imageId: 'shop:1', rollback: { of: 'd2', to: 1 } });
    expect(await served()).toBe('shop:1');
    await app.close();
    expect((await storedOf('d2')).at(-1)).toMatchObject({ type: 'ServiceDeploymentRolledBack', data: { by: 'd3' } });
    await start();
  });

  it('is reached again by the next process, which ends what was left in the middle', async () => {
    await deploy('shop:1');
    await begun('d2');
    await app.close();
    expect((await storedOf('d2')).at(-1)?.type).toBe('ServiceDeploymentAdvanced');
    await driver.remove('d2');
    driver.statuses.delete('shop:sick');
    await start();
    expect((await ended('d2')).type).toBe('ServiceDeploymentSucceeded');
    expect(await served()).toBe('shop:sick');
  });

  it('that is removed is gone, and its port is free', async () => {
    await deploy('shop:1');
    const event = await recorded(ServiceRemoved(names));
    events().serviceRemoved(event);
    await expect(
      (async () => {
        for (;;) await served();
      })(),
    ).rejects.toThrow();
    await restart();
    expect(driver.containers.size).toBe(0);
  });

  describe('S2-27 whose deployment is cancelled', () => {
    it('goes on with what ran before; the new container is gone', async () => {
      await deploy('shop:1');
      await begun('d2');
      await cancel('d2');
      expect(await ended('d2')).toMatchObject(cancelled);
      expect([...driver.containers.keys()]).toEqual(['d1']);
      expect(await served()).toBe('shop:1');
      expect((await typesOf('d2')).slice(-2)).toEqual(['Cancelling', 'Failed']);
    });

    it('begins nothing when it still waits, and lets go on what it waits for', async () => {
      await begun('d1');
      const waiting = await recorded(ServiceDeploymentRequested(wanted('shop:2')));
      await events().serviceDeploymentRequested(waiting);
      await cancel('d2');
      expect(await typesOf('d2')).toEqual(['Started', 'Failed']);
      expect((await typesOf('d1')).at(-1)).toBe('Advanced');
      await cancel('d1');
      await deploy('shop:1');
      expect(driver.starts).toEqual(['d1', 'd3']);
      expect(await served()).toBe('shop:1');
    });

    it('does not wait for a registry any more', async () => {
      images.hangs = true;
      await events().serviceDeploymentRequested(await recorded(ServiceDeploymentRequested(wanted('away/shop:1'))));
      while (images.pulled.length === 0) await embedded.ports.clock.sleep(5);
      await cancel('d1');
      expect(await ended('d1')).toMatchObject(cancelled);
      expect(driver.starts).toEqual([]);
    });

    it('is ended by the next process when the deployer is killed before it has removed the container', async () => {
      await deploy('shop:1');
      await begun('d2');
      driver.isAway = true;
      await cancel('d2');
      await app.close();
      expect((await typesOf('d2')).at(-1)).toBe('Cancelling');
      driver.isAway = false;
      await start();
      expect(await ended('d2')).toMatchObject(cancelled);
      expect([...driver.containers.keys()]).toEqual(['d1']);
      expect(await served()).toBe('shop:1');
    });

    it('is ended by the next process when the deployer was killed before it heard of the wish', async () => {
      await begun('d1');
      await app.close();
      const wish = await cancelWish('d1');
      await start();
      await events().serviceDeploymentCancelRequested(wish);
      expect(await ended('d1')).toMatchObject(cancelled);
      expect(driver.containers.size).toBe(0);
    });

    it('too late stays as it was deployed', async () => {
      await deploy('shop:1');
      await cancel('d1');
      expect((await typesOf('d1')).at(-1)).toBe('Succeeded');
      expect(await served()).toBe('shop:1');
    });
  });

  describe('that cannot be deployed goes on as it is, and says why:', () => {
    beforeEach(() => deploy('shop:1'));
    afterEach(async () => {
      expect(await served()).toBe('shop:1');
      expect([...driver.containers.keys()]).toEqual(['d1']);
    });

    it('the image is nowhere', async () =>
      expect(await failure('shop:9')).toMatchObject({ code: 'image_not_found', because: 'there is no such image' }));

    it('the registry does not answer, and the image is not here', async () => {
      images.refuses = new ImageFailure('image_pull_failure', 'no answer');
      expect(await failure('shop:9', { images: ['one.example/shop:9'] })).toMatchObject({ code: 'image_pull_failure' });
    });

    it('a registry does not let us in, whatever is here and whoever does not answer', async () => {
      images.refuses = new ImageFailure('image_access_denied', 'no basic auth credentials');
      images.answers.set('away.example/shop:2', new ImageFailure('image_pull_failure', 'no answer'));
      const places = ['away.example/shop:2', 'one.example/shop:2'];
      expect(await failure('shop:2', { images: places })).toMatchObject({ code: 'image_access_denied' });
    });

    it('the container ends at once; secrets that it wrote are not told', async () => {
      driver.output = 'no database at hunter2-secret\n';
      const sealed = embedded.ports.secretBox.seal('hunter2-secret', variableSeal(names.projectId, 'PASSWORD'));
      const projectVariables = [{ key: 'PASSWORD', sealed, protected: false, masked: true }];
      expect(await failure('shop:broken', { projectVariables })).toMatchObject({
        code: 'container_ended',
        because: 'the container ended with exit code 7; it wrote: no database at [MASKED]',
      });
    });

    it('a variable of the project does not open', async () => {
      const projectVariables = [{ key: 'A', sealed: 'nonsense', protected: false, masked: true }];
      expect(await failure('shop:2', { projectVariables })).toMatchObject({ code: 'config_error' });
    });

    it('it is not healthy in time', async () =>
      expect(await failure('shop:sick')).toMatchObject({
        code: 'health_check_failed',
        because: `port ${inside}/ was not healthy within 1 s: it answered 500`,
      }));

    it('its port is taken', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port: host } = other.address() as { port: number };
      const run = { ...wanted('x').run, ports: [{ host, container: inside }] };
      expect(await failure('shop:2', { run })).toMatchObject({ code: 'port_taken' });
      other.close();
    });
  });

  it('comes from the registry that its image names, whatever is here under that name', async () => {
    here.add('one.example/shop:1');
    await deploy('one.example/shop:1');
    await deploy('shop:1');
    expect(images.pulled).toEqual(['one.example/shop:1']);
  });

  it('whose registry is away runs the image that is here', async () => {
    images.refuses = new ImageFailure('image_pull_failure', 'no answer');
    await deploy('shop:1', { images: ['one.example/shop:1'] });
    expect(images.pulled).toEqual(['one.example/shop:1']);
    expect(await served()).toBe('shop:1');
  });
});
