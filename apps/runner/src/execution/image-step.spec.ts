import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PlannedImage, PlannedJob } from '@foldline/contracts';
import { ImageFailure } from '@foldline/kernel';
import type { JobResult } from './job-endings.ts';
import {
  closeScene,
  clock,
  directory,
  facts,
  images,
  openScene,
  output,
  runOf,
  steps,
  TIMEOUT_S,
  told,
  turns,
  types,
} from './run-job.fixture.ts';

beforeEach(async () => {
  await openScene();
  writeFileSync(join(directory, 'workspace/Dockerfile'), 'FROM scratch\n');
});
afterEach(closeScene);

const image = (more: Partial<PlannedImage> = {}): PlannedImage => ({
  build: 7,
  contextPath: '.',
  dockerfile: 'Dockerfile',
  args: {},
  platform: 'linux/amd64',
  network: 'none',
  tags: ['shop:main-abc1234', 'shop:main'],
  pushes: [],
  cacheFrom: [],
  ...more,
});
const building = (more: Partial<PlannedImage> = {}): Partial<PlannedJob> => ({
  steps: [{ name: 'build-image', kind: 'build-image', image: image(more) }],
});
const result = (more: Partial<PlannedImage> = {}): Promise<JobResult> => runOf(building(more)).run();

describe('a job that builds an image', () => {
  it('builds what was checked out, and says which image it is', async () => {
    images.does.build = async ({ onOutput }) => onOutput(Buffer.from('#1 FROM scratch\n'));
    expect(await result({ args: { WHO: '$NAME' } })).toEqual({ outcome: 'success' });
    expect(images.built[0]).toMatchObject({ dockerfile: 'Dockerfile', args: { WHO: 'value' }, tags: image().tags });
    expect(output).toBe('#1 FROM scratch\n');
    expect(types()).toEqual(['StepFinished', 'ImageBuildStarted', 'ImageBuilt', 'StepFinished']);
    expect(facts.at(-2)!.data).toMatchObject({ build: 7, imageId: 'sha256:built', tags: image().tags });
    expect(steps()).toEqual(['0 checkout: success', '1 build-image: success']);
  });

  it('pushes it under each name, and records what the registry calls it', async () => {
    const pushes = ['one.example/shop:1', 'two.example/shop:1'];
    await result({ pushes });
    expect(images.tagged).toEqual(pushes.map((reference) => `shop:main-abc1234 ${reference}`));
    const pushed = facts.filter(({ type }) => type === 'ImagePushed').map(({ data }) => data);
    expect(pushed).toMatchObject(pushes.map((reference) => ({ reference, digest: 'sha256:pushed' })));
  });

  it('tells how far it is in tenths, however often that changes', async () => {
    images.does.build = async ({ onProgress }) =>
      [3, 12, 14, 19, 55, 50, 100].forEach((percent) => onProgress!(percent));
    await result();
    const told = facts.flatMap(({ type, data }) => (type === 'ImageBuildAdvanced' ? [data.percent] : []));
    expect(told).toEqual([10, 50, 100]);
  });

  it('fails for what stood in the way', async () => {
    images.does.push = () => Promise.reject(new ImageFailure('image_push_denied', 'one.example says no'));
    expect(await result({ pushes: ['one.example/shop:1'] })).toEqual({
      outcome: 'failed',
      reason: 'image_push_denied',
      detail: 'one.example says no',
    });
    expect(types()).toContain('ImageBuilt');
    expect(steps().at(-1)).toBe('1 build-image: failed');
  });

  it('that runs out of time has timed out, and its build is given up', async () => {
    const run = runOf(building());
    images.does.build = ({ signal }) => {
      const over = new Promise<void>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('given up'))),
      );
      void clock.advance(TIMEOUT_S * 1000);
      return over;
    };
    expect(await run.run()).toMatchObject({ outcome: 'timed_out', reason: 'job_timeout' });
  });

  it('that is stopped ends as that', async () => {
    const run = runOf(building());
    images.does.build = async () => run.stop('cancelled');
    expect(await run.run()).toMatchObject({ outcome: 'cancelled' });
  });

  it('waits for its turn, which takes nothing of its time', async () => {
    let leave = (): void => undefined;
    const other = turns.use(() => new Promise<void>((resolve) => (leave = resolve)));
    const done = result();
    await clock.advance(TIMEOUT_S * 1000);
    expect(images.built).toEqual([]);
    leave();
    await other;
    expect(await done).toEqual({ outcome: 'success' });
  });

  it('that is stopped while it waits for its turn ends at once, and the turn is for whoever comes next', async () => {
    let leave = (): void => undefined;
    const other = turns.use(() => new Promise<void>((resolve) => (leave = resolve)));
    const run = runOf(building());
    const done = run.run();
    while (told.length === 0) await clock.advance(0);
    expect(told).toEqual(['Waiting for its turn to be built']);
    run.stop('cancelled');
    expect(await done).toMatchObject({ outcome: 'cancelled' });
    const next = result();
    leave();
    await other;
    expect(await next).toEqual({ outcome: 'success' });
    expect(types()).toEqual([
      'StepFinished',
      'StepFinished',
      'StepFinished',
      'ImageBuildStarted',
      'ImageBuilt',
      'StepFinished',
    ]);
  });
});

describe('a build without what it needs', () => {
  it('says that the commit has no such Dockerfile', async () =>
    expect(await result({ dockerfile: 'Dockerfile.dev' })).toEqual({
      outcome: 'failed',
      reason: 'dockerfile_missing',
      detail: 'the commit has no Dockerfile Dockerfile.dev in its root',
    }));

  it('says that the commit has no such directory', async () =>
    expect(await result({ contextPath: 'api' })).toMatchObject({
      reason: 'dockerfile_missing',
      detail: 'the commit has no directory api to build',
    }));

  it.each(['..', 'outside'])('builds nothing but the checkout: not %s', async (contextPath) => {
    mkdirSync(join(directory, 'elsewhere'));
    writeFileSync(join(directory, 'elsewhere/Dockerfile'), 'FROM scratch\n');
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'workspace/outside'));
    expect(await result({ contextPath })).toMatchObject({ reason: 'dockerfile_missing' });
    expect(images.built).toEqual([]);
  });
});
