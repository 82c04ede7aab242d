import { describe, expect, it } from '@jest/globals';
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
});
