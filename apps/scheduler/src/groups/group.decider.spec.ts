import { describe, it } from '@jest/globals';
import {
  ProcessModeSet,
  ResourceExpected,
  ResourceGranted,
  ResourceReleased,
  ResourceRequested,
  jobIdOf,
  type ProcessMode,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { groupDecider, type GroupCommand, type GroupEvent } from './group.decider.ts';

const group = { groupId: 'g1', projectId: 'proj', group: 'production' };
const job = (pipelineId: string, index = 0, attempt = 1) => ({
  ...group,
  pipelineId,
  jobId: jobIdOf(pipelineId, index),
  attempt,
});
type Job = ReturnType<typeof job>;

const expect = (pipelineId: string, ...indexes: number[]): GroupCommand => ({
  type: 'ExpectJobs',
  ...group,
  pipelineId,
  indexes,
});
const request = (of: Job): GroupCommand => ({ type: 'RequestResource', ...of });
const release = (of: Job): GroupCommand => ({ type: 'ReleaseResource', ...of });
const mode = (processMode: ProcessMode): GroupCommand => ({ type: 'SetProcessMode', ...group, processMode });

const after = (...commands: GroupCommand[]) => {
  const state = groupDecider.initialState();
  const events = commands.flatMap((command): GroupEvent[] => groupDecider.decide(command, state));
  return givenWhenThen(groupDecider)(...events);
};

const [a, b, c] = [job('p1'), job('p2'), job('p3')];

describe('A resource group', () => {
  it('gives its resource to the first that asks', () =>
    after().when(request(a)).then(ResourceRequested(a), ResourceGranted(a)));

  it('lets everybody else wait', () => after(request(a)).when(request(b)).then(ResourceRequested(b)));

  it('gives it to the next when it is free again', () =>
    after(request(a), request(b)).when(release(a)).then(ResourceReleased(a), ResourceGranted(b)));

  it('forgets whoever does not want it any more', () => {
    after(request(a), request(b), request(c)).when(release(b)).then(ResourceReleased(b));
    after(request(a), request(b), request(c), release(b))
      .when(release(a))
      .then(ResourceReleased(a), ResourceGranted(c));
  });

  it('is not impressed by a request or a release that comes again', () => {
    after(request(a)).when(request(a)).thenNothing();
    after(request(a), request(b)).when(request(b)).thenNothing();
    after(request(a), release(a)).when(release(a)).thenNothing();
    after().when(release(a)).thenNothing();
  });

  it('takes nothing from an attempt because an earlier one of the job has ended', () => {
    const again = job('p1', 0, 2);
    after(request(a), release(a), request(again)).when(release(a)).thenNothing();
    after(request(b), request(again)).when(release(a)).thenNothing();
  });

  it('is left by the last attempt of a job, whichever it was given to', () =>
    after(request(a), request(b))
      .when(release(job('p1', 0, 3)))
      .then(ResourceReleased(job('p1', 0, 3)), ResourceGranted(b)));

  it('has a mode that is set once', () => {
    after()
      .when(mode('oldest_first'))
      .then(ProcessModeSet({ ...group, processMode: 'oldest_first' }));
    after(mode('oldest_first')).when(mode('oldest_first')).thenNothing();
    after().when(mode('unordered')).thenNothing();
  });
});

describe('Without an order', () => {
  it('jobs run as they come, and nobody waits for what is to come', () => {
    after(expect('p1', 0)).when(request(b)).then(ResourceRequested(b), ResourceGranted(b));
    after(request(a), request(c), request(b)).when(release(a)).then(ResourceReleased(a), ResourceGranted(c));
  });
});

describe('Oldest first', () => {
  const given = (...commands: GroupCommand[]) => after(mode('oldest_first'), ...commands);

  it('jobs of older pipelines run before those of newer ones', () =>
    given(request(a), request(c), request(b)).when(release(a)).then(ResourceReleased(a), ResourceGranted(b)));

  it('a newer pipeline waits for jobs of an older one whose turn is still to come', () => {
    given(expect('p1', 0), expect('p2', 0)).when(request(b)).then(ResourceRequested(b));
    given(expect('p1', 0), expect('p2', 0), request(b)).when(request(a)).then(ResourceRequested(a), ResourceGranted(a));
  });

  it('and no longer when that will not come', () =>
    given(expect('p1', 0), request(b))
      .when(release(job('p1', 0, 0)))
      .then(ResourceReleased(job('p1', 0, 0)), ResourceGranted(b)));

  it('a pipeline does not wait for itself', () => {
    const second = job('p1', 1);
    given(expect('p1', 0, 1))
      .when(request(second))
      .then(ResourceRequested(second), ResourceGranted(second));
  });

  it('may be what lets a job go on when it is set no longer', () =>
    given(expect('p1', 0), request(b))
      .when(mode('unordered'))
      .then(ProcessModeSet({ ...group, processMode: 'unordered' }), ResourceGranted(b)));
});

describe('Newest first', () => {
  const given = (...commands: GroupCommand[]) => after(mode('newest_first'), ...commands);

  it('jobs of newer pipelines run before those of older ones', () =>
    given(request(b), request(a), request(c)).when(release(b)).then(ResourceReleased(b), ResourceGranted(c)));

  it('an older pipeline waits for jobs of a newer one whose turn is still to come', () =>
    given(expect('p2', 0)).when(request(a)).then(ResourceRequested(a)));
});

describe('Newest ready first', () => {
  const given = (...commands: GroupCommand[]) => after(mode('newest_ready_first'), ...commands);

  it('jobs of newer pipelines run before those of older ones', () =>
    given(request(b), request(a), request(c)).when(release(b)).then(ResourceReleased(b), ResourceGranted(c)));

  it('nobody waits for jobs whose turn is still to come', () =>
    given(expect('p2', 0)).when(request(a)).then(ResourceRequested(a), ResourceGranted(a)));
});

describe('What a pipeline will want', () => {
  it('is known from when it has begun', () =>
    after()
      .when(expect('p1', 0, 2))
      .then(ResourceExpected({ ...group, pipelineId: 'p1', indexes: [0, 2] })));
});
