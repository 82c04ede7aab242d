import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AttemptFinished,
  PipelineCancelRequested,
  PipelinePlanned,
  ResourceGroupConfigured,
  attemptIdOf,
  jobIdOf,
  type ProcessMode,
  type RecordedEvent,
} from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { pipelineContext, plan, type JobSketch } from '../testing/plan-builder.ts';
import { offer } from '../testing/queued-job.ts';
import { Schedulers, arriving, type Scheduler } from '../testing/schedulers.ts';

const deploy: JobSketch = { name: 'deploy', resourceGroup: 'production' };

let schedulers: Schedulers;
let leader: Scheduler;
let standby: Scheduler;
let hearing: Promise<void>;
const closing = { at: new AbortController() };

/** What the bus brings back of what schedulers have said: each piece twice, the second time to the other one. */
const hear = async (event: RecordedEvent): Promise<void> => {
  for (const { events } of [leader, standby]) {
    if (event.type === 'PipelineStarted') await events.onPipelineStarted(event as never);
    if (event.type === 'JobAwaitsResource') await events.onJobAwaitsResource(event as never);
    if (event.type === 'JobLeftResource') await events.onJobLeftResource(event as never);
    if (event.type === 'ResourceGranted') await events.onResourceGranted(event as never);
  }
};

beforeEach(async () => {
  schedulers = await Schedulers.open(systemClock);
  await schedulers.runner('r1', offer({ slots: 8 }));
  leader = await schedulers.start();
  standby = await schedulers.start({ claims: { contend: async () => undefined } });
  closing.at = new AbortController();
  hearing = schedulers.store.follow(
    0,
    async (events) => {
      for (const event of events) await hear(event);
    },
    closing.at.signal,
  );
});
afterEach(async () => {
  closing.at.abort();
  await hearing;
  await schedulers.close();
});

const start = (pipelineId: string, ...jobs: (string | JobSketch)[]): Promise<void> =>
  leader.events.onPlanned(
    arriving(
      PipelinePlanned({ pipelineId, context: pipelineContext(pipelineId), plan: plan(...jobs) }),
      `planned ${pipelineId}`,
    ),
  );

const finish = (pipelineId: string, index = 0): Promise<void> => {
  const about = { pipelineId, jobId: jobIdOf(pipelineId, index), attempt: 1 };
  const attemptId = attemptIdOf(about.jobId, 1);
  const news = {
    ...about,
    attemptId,
    runnerId: 'r1',
    outcome: 'success',
    durationMs: 1,
    commits: [] as string[],
  } as const;
  return leader.events.onAttemptFinished(arriving(AttemptFinished(news), `finished ${attemptId}`));
};

const assigned = (): string[] =>
  schedulers.log.events
    .filter(({ type }) => type === 'JobAssigned')
    .map(({ data }) => (data as { pipelineId: string }).pipelineId);

const configure = async (processMode: ProcessMode): Promise<void> => {
  const asked = ResourceGroupConfigured({ projectId: 'proj', group: 'production', processMode });
  for (const { events } of [leader, standby]) await events.onResourceGroupConfigured(arriving(asked, 'mode'));
};

describe('Jobs of one resource group', () => {
  it('of several pipelines run one after the other, however often everything is told', async () => {
    for (const id of ['p1', 'p2', 'p3']) await start(id, deploy);
    await schedulers.until('JobAwaitsResource', 1, 'p3');
    for (const id of ['p1', 'p2', 'p3']) {
      await schedulers.until('JobAssigned', 1, id);
      expect(assigned().at(-1)).toBe(id);
      await finish(id);
    }
    for (const id of ['p1', 'p2', 'p3']) await schedulers.until('PipelineFinished', 1, id);
    expect(assigned()).toEqual(['p1', 'p2', 'p3']);
    expect(schedulers.errors).toEqual([]);
  });

  it('go to the next when one of them is cancelled while it waits', async () => {
    for (const id of ['p1', 'p2', 'p3']) await start(id, deploy);
    await schedulers.until('JobAssigned', 1, 'p1');
    const cancel = PipelineCancelRequested({ pipelineId: 'p2' });
    await leader.events.onCancelRequested(arriving(cancel, 'cancel p2'));
    await finish('p1');
    await schedulers.until('JobAssigned', 1, 'p3');
    expect(assigned()).toEqual(['p1', 'p3']);
  });

  it('run in the order of their pipelines when that is asked for', async () => {
    await configure('oldest_first');
    await start('p1', 'build', { ...deploy, needs: ['build'] });
    await start('p2', deploy);
    await schedulers.until('JobAwaitsResource', 1, 'p2');
    await schedulers.until('JobAssigned', 1, 'p1');
    await finish('p1', 0);
    await schedulers.until('JobAssigned', 2, 'p1');
    expect(assigned()).toEqual(['p1', 'p1']);
    await finish('p1', 1);
    await schedulers.until('JobAssigned', 1, 'p2');
  });

  it('do not wait for jobs of other groups or of none', async () => {
    await start('p1', deploy, { name: 'stage', resourceGroup: 'staging' }, 'test');
    await schedulers.until('JobAssigned', 3, 'p1');
  });
});
