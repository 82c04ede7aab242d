import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  PipelineFinished,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  type NewEvent,
  type SubmittedJob,
  type SubmittedJobDoc,
} from '@foldline/contracts';
import { sampleContext as context } from '@foldline/testing';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const submission: SubmittedJob = {
  id: 'build-123',
  commit: 'main',
  steps: [
    { name: 'Install', run: 'npm ci' },
    { name: 'Test', run: 'npm test', env: { TOKEN: 'of a step' } },
  ],
  env: { TOKEN: 'of the job' },
  cacheKeys: ['package-lock.json'],
  timeout: 600,
  priority: 7,
  retries: 3,
};
const { project, ref, sha, source, variables, projectVariables, secrets } = context;
const wanted = { pipelineId: 'p1', project, ref, sha, source, variables, projectVariables, secrets };
const requested = PipelineRequested({ ...wanted, submission });
const finished = (status: 'success' | 'timed_out') => PipelineFinished({ pipelineId: 'p1', status, context });
const rejected = PipelineRejected({
  pipelineId: 'p1',
  problems: [{ code: 'c', severity: 'error', message: 'm', file: 'f', line: 1, column: 1 }],
});
const reopened = PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' });

const after = (...events: NewEvent[]): SubmittedJobDoc | undefined =>
  documentAfter<SubmittedJobDoc>(COLLECTION.submittedJobs, 'p1', ...events);
const foundAs = (...events: NewEvent[]) => indexesOf(COLLECTION.submittedJobs, after(...events)!);

describe('The document of a submitted job', () => {
  it('shows what was asked for, without the values of variables', () => {
    expect(after(requested)).toEqual({
      id: 'p1',
      name: 'build-123',
      projectId: 'pr1',
      project: 'ada/engine',
      sha: context.sha,
      commit: 'main',
      steps: ['Install', 'Test'],
      timeout: 600,
      priority: 7,
      retries: 3,
      createdAt: timeAt(1),
      position: 1,
    });
  });

  it('is made of submitted jobs alone', () => {
    expect(after(PipelineRequested(wanted), finished('success'))).toBeUndefined();
  });

  it('stands among those that go on until its pipeline has ended, and then among those that ended like it', () => {
    const at = '0000000000000001';
    expect(foundAs(requested)).toEqual({ byPosition: at, byOutcome: `open/${at}` });
    expect(foundAs(requested, finished('timed_out')).byOutcome).toBe(`ended/timed_out/${at}`);
    expect(foundAs(requested, rejected).byOutcome).toBe(`ended/failed/${at}`);
  });

  it('goes on again with its pipeline', () => {
    expect(after(requested, finished('success'), reopened)).toEqual(after(requested));
  });

  it('does not change when events are delivered twice', () => {
    expect(after(requested, requested)).toEqual(after(requested));
    expect(after(requested, finished('success'), requested, finished('success'))).toEqual(
      after(requested, finished('success')),
    );
  });
});
