import { describe, expect, it } from '@jest/globals';
import type { JobDoc } from '@foldline/contracts';
import { QUEUE_RULES } from '@foldline/kernel';
import type { QueuePicture } from './queue-pictures.ts';
import type { Verdicts } from './runner-verdicts.ts';
import { waitingOf } from './waiting.ts';

const job = (status: JobDoc['status'], more: Partial<JobDoc> = {}): JobDoc =>
  ({ id: 'p1.0', projectId: 'pr1', project: 'ada/engine', status, why: [], ...more }) as unknown as JobDoc;
const told = (event: string, rule: string, detail: string): Pick<JobDoc, 'why'> => ({
  why: [{ at: '2030-01-01T00:00:00.000Z', position: 1, event, because: { rule, detail, jobs: [] } }],
});
const busy = { code: 'runners_busy', detail: 'the runners that could take it have no room: a' };
const verdict = { id: 'a', code: 'busy', detail: '2 of 2 slots are taken' };
const none = { code: 'no_runner', detail: 'no runner is connected' };
const picture = (verdicts: Verdicts, more: Partial<QueuePicture> = {}): QueuePicture => ({
  at: '2030-01-01T00:00:00.500Z',
  isWhole: true,
  verdictsOn: () => verdicts,
  busy: new Map(),
  turns: new Map(),
  rules: QUEUE_RULES,
  ...more,
});

describe('A job that waits for its resource group', () => {
  const waits = job('waiting_for_resource', { resourceGroup: 'production' });

  it('names the job that holds it, with a link', () => {
    const holder = { pipelineId: 'p0', jobId: 'p0.3', since: '2030-01-01T00:00:00.000Z' };
    const group = { id: 'g', projectId: 'pr1', name: 'production', processMode: 'unordered', holder } as const;
    expect(waitingOf(waits, { group })).toEqual({
      code: 'resource_group',
      detail: 'the resource group "production" is held by job p0.3',
      holder: { job: 'p0.3', pipeline: 'p0', since: holder.since, url: '/api/ada/engine/jobs/p0.3' },
    });
  });

  it('says that others are let in first when nobody holds it', () =>
    expect(waitingOf(waits)).toEqual({
      code: 'resource_group',
      detail: 'the resource group "production" is given to another job first',
    }));
});

describe('A job that waits for a runner', () => {
  it('tells its turn, with what that is based on, in whole seconds', () => {
    const start = { inMs: 1_700, jobs: 2, runs: 9 };
    const queue = picture({ runners: [verdict], reason: busy }, { turns: new Map([['p1.0', { position: 3, start }]]) });
    expect(waitingOf(job('queued'), { queue })).toEqual({
      ...busy,
      position: 3,
      expectedStart: { at: '2030-01-01T00:00:03.000Z', basis: { jobs: 2, runs: 9 } },
      runners: [verdict],
    });
  });

  it('tells its position without a time where nothing tells the time, and nothing far behind in the queue', () => {
    const queue = picture({ runners: [], reason: busy }, { turns: new Map([['p1.0', { position: 3 }]]) });
    expect(waitingOf(job('queued'), { queue })).toEqual({ ...busy, position: 3, runners: [] });
    expect(waitingOf(job('queued', { id: 'p9.0' }), { queue })).toEqual({ ...busy, runners: [] });
  });

  it('tells the limit of its project, unless nobody could take it', () => {
    const limited = (verdicts: Verdicts) =>
      waitingOf(job('queued'), {
        queue: picture(verdicts, { busy: new Map([['pr1', 2]]), rules: { ...QUEUE_RULES, projectLimit: 2 } }),
      })!.code;
    expect(limited({ runners: [] })).toBe('project_limit');
    expect(limited({ runners: [], reason: busy })).toBe('project_limit');
    expect(limited({ runners: [], reason: none })).toBe('no_runner');
  });

  it('tells since when the scheduler has said so, while it is still so', () => {
    const waits = job('queued', told('JobWaiting', 'no_runner', 'no runner is connected'));
    expect(waitingOf(waits, { queue: picture({ runners: [], reason: none }) })).toMatchObject({
      code: 'no_runner',
      since: '2030-01-01T00:00:00.000Z',
    });
    expect(waitingOf(waits, { queue: picture({ runners: [], reason: busy }) })).toEqual({ ...busy, runners: [] });
  });

  it('that a runner could take now is about to be taken', () =>
    expect(waitingOf(job('queued'), { queue: picture({ runners: [] }) })).toMatchObject({ code: 'runner' }));

  it('tells only what was recorded where there are more runners than can be looked at', () => {
    const queue = picture({ runners: [], reason: busy }, { isWhole: false });
    const waits = job('queued', told('JobWaiting', 'no_tags', 'none has gpu'));
    expect(waitingOf(waits, { queue })).toMatchObject({ code: 'no_tags', detail: 'none has gpu' });
    expect(waitingOf(job('queued'), { queue })).toEqual({ code: 'runner', detail: 'no runner has taken it yet' });
  });
});

describe('Another job', () => {
  it('waits for its turn, for a person or for its time', () => {
    expect(waitingOf(job('created'))?.code).toBe('turn');
    expect(waitingOf(job('manual', told('JobHeld', 'manual', 'when: manual')))).toEqual({
      code: 'manual',
      detail: 'when: manual',
    });
    expect(waitingOf(job('delayed', { startsAt: '2030-01-01T00:00:00.000Z' }))).toEqual({
      code: 'delayed',
      detail: 'it is queued at 2030-01-01T00:00:00.000Z',
    });
  });

  it('waits for nothing once it runs or has ended', () => {
    for (const status of ['assigned', 'running', 'finishing', 'failed'] as const)
      expect(waitingOf(job(status))).toBeUndefined();
  });
});
