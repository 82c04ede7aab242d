import { describe, expect, it } from '@jest/globals';
import { Refusal } from '@foldline/kernel';
import { plannedJob, sampleContext } from '@foldline/testing';
import { containerOf, placesInContainer } from './job-container.ts';

const assignment = {
  pipelineId: 'p1',
  jobId: 'p1.0',
  attempt: 1,
  runnerId: 'one',
  cluster: { id: 'c1', power: 'high-power' as const },
  job: plannedJob(0, 'build', { image: 'node:22' }),
  context: { ...sampleContext, project: { ...sampleContext.project, owner: 'ada', name: 'engine' } },
  pipelineVariables: {},
  artifactJobs: [],
  because: { rule: 'cluster', detail: 'free', jobs: [] },
};

describe('A job in a container', () => {
  it('finds its workspace where it is on other runners, and the files of variables beside it', () =>
    expect(placesInContainer(assignment)).toEqual({
      workspace: '/builds/ada/engine',
      buildsDirectory: '/builds',
      filesDirectory: '/builds/ada/engine.tmp',
    }));

  it('sees of the host its workspace, and the files of variables where there are any', () => {
    const container = { image: 'node:22', workspaceAt: '/builds/ada/engine' };
    expect(containerOf(assignment, {}, undefined)).toEqual({ ...container, mounts: [] });
    const mounts = [{ from: '/data/variables', at: '/builds/ada/engine.tmp' }];
    expect(containerOf(assignment, {}, '/data/variables')).toEqual({ ...container, mounts });
  });

  it('is of the image that its variables name, and has the resources that it asks for', () => {
    const job = plannedJob(0, 'build', { image: 'node:$VERSION', runner: { cpu: 2, memoryBytes: 2 ** 30 } });
    expect(containerOf({ ...assignment, job }, { VERSION: '22' }, undefined)).toMatchObject({
      image: 'node:22',
      cpus: 2,
      memoryBytes: 2 ** 30,
    });
  });

  it('is started as its definition says, with the credentials that its variables have', () => {
    const imageOptions = { entrypoint: [''], pullPolicy: ['always' as const], user: '1001', platform: 'linux/arm64' };
    const job = plannedJob(0, 'build', { image: 'node:22', imageOptions });
    const variables = { DOCKER_AUTH_CONFIG: '{"auths": {}}', CI_DEBUG_SERVICES: 'true' };
    expect(containerOf({ ...assignment, job }, variables, undefined)).toMatchObject({
      ...imageOptions,
      credentials: '{"auths": {}}',
      tellsOfServices: true,
    });
  });

  it.each([
    ['$NOTSET', {}],
    ['$REGISTRY/app:1', {}],
    ['node:$VERSION', { VERSION: '22 --privileged' }],
    ['x/$PATH_UP', { PATH_UP: '../../127.0.0.1:80' }],
  ])('is not made of %s with %j, and the values are not told', (image, variables) => {
    const refused = new Refusal(
      'image_invalid',
      `\`${image}\` is no name of an image once its variables have their values`,
    );
    const own = plannedJob(0, 'build', { image });
    expect(() => containerOf({ ...assignment, job: own }, variables, undefined)).toThrow(refused);
    const beside = plannedJob(0, 'build', { image: 'node:22', services: [image] });
    expect(() => containerOf({ ...assignment, job: beside }, variables, undefined)).toThrow(refused);
  });

  it('has services with its variables and their own, filled in unless they are raw', () => {
    const services = [
      'redis:$VERSION',
      {
        image: 'postgres:17',
        aliases: ['db-$VERSION'],
        command: ['postgres', '-c', 'fsync=off'],
        variables: { POSTGRES_DB: 'test$VERSION', PRICE: '$5' },
        rawVariables: ['PRICE'],
      },
    ];
    const job = plannedJob(0, 'build', { image: 'node:22', services });
    expect(containerOf({ ...assignment, job }, { VERSION: '7' }, undefined).services).toEqual([
      { image: 'redis:7', aliases: [], environment: { VERSION: '7' } },
      {
        image: 'postgres:17',
        aliases: ['db-7'],
        command: ['postgres', '-c', 'fsync=off'],
        environment: { VERSION: '7', POSTGRES_DB: 'test7', PRICE: '$5' },
      },
    ]);
  });
});
