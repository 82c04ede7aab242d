import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ArtifactCommitted,
  ArtifactRefused,
  AttemptFinished,
  CacheCommitted,
  CacheRefused,
  JobPlayRequested,
  JobRetryRequested,
  PipelineCancelRequested,
  PipelinePlanned,
  PlanRejected,
  attemptIdOf,
  jobIdOf,
  type Plan,
} from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { pipelineContext, plan } from './testing/plan-builder.ts';
import { offer } from './testing/queued-job.ts';
import { Schedulers, arriving, type Scheduler } from './testing/schedulers.ts';

const pipelineId = 'p1';
const digest = 'd'.repeat(64);
const size = { files: 1, bytes: 1 };
const about = (index: number) => ({ pipelineId, jobId: jobIdOf(pipelineId, index) });

type Finished = Partial<ReturnType<typeof AttemptFinished>['data']>;
const finished = (index: number, attempt: number, more: Finished = {}) =>
  arriving(
    AttemptFinished({
      ...about(index),
      attemptId: attemptIdOf(about(index).jobId, attempt),
      attempt,
      runnerId: 'r1',
      outcome: 'success',
      durationMs: 5,
      commits: [],
      ...more,
    }),
    `finished ${index} ${attempt}`,
  );
const planned = (what: Plan) =>
  arriving(PipelinePlanned({ pipelineId, context: pipelineContext(), plan: what }), 'planned');
const artifact = (artifactId: string, attempt: number) =>
  arriving(
    ArtifactCommitted({
      ...about(0),
      ...size,
      artifactId,
      projectId: 'proj',
      attempt,
      name: 'zip',
      kind: 'archive',
      manifestDigest: digest,
    }),
    `committed ${artifactId}`,
  );
const refusedArtifact = (artifactId: string) =>
  arriving(ArtifactRefused({ ...about(0), artifactId, because: 'a file is missing' }), `refused ${artifactId}`);
const cache = (cacheId: string) =>
  arriving(
    CacheCommitted({
      ...about(0),
      ...size,
      cacheId,
      projectId: 'proj',
      scope: 'protected',
      key: 'k',
      manifestDigest: digest,
    }),
    `committed ${cacheId}`,
  );
const refusedCache = (cacheId: string) =>
  arriving(CacheRefused({ ...about(0), cacheId, because: 'too large' }), `refused ${cacheId}`);

let schedulers: Schedulers;
afterEach(() => schedulers.close());

/** Tells a story to a scheduler that gets every piece of news so many times, and answers what its log says then. */
const logOf = async (times: number, story: (tell: Tell, scheduler: Scheduler) => Promise<void>) => {
  schedulers = await Schedulers.open(systemClock);
  await schedulers.runner('r1', offer({ slots: 4 }));
  const scheduler = await schedulers.start();
  await story(async (deliver) => {
    for (let n = 0; n < times; n += 1) await deliver(scheduler.events);
  }, scheduler);
  const log = await schedulers.store.readStream(`pipeline-${pipelineId}`);
  expect(schedulers.errors).toEqual([]);
  return log.map(({ type, data }) => ({ type, data }));
};
type Tell = (deliver: (events: Scheduler['events']) => Promise<void>) => Promise<void>;

const everything = async (tell: Tell): Promise<void> => {
  const jobs = plan(
    { name: 'build', stage: 'one' },
    { name: 'docs', stage: 'two', when: 'manual', allowFailure: true },
    { name: 'unit', stage: 'two' },
  );
  await tell((events) => events.onPlanned(planned(jobs)));
  await schedulers.until('JobAssigned', 1);
  await tell((events) => events.onArtifactRefused(refusedArtifact('bad zip')));
  await tell((events) => events.onAttemptFinished(finished(0, 1, { commits: ['bad zip'] })));
  await tell((events) => events.onRetryRequested(arriving(JobRetryRequested(about(0)), 'retry')));
  await schedulers.until('JobAssigned', 2);
  await tell((events) => events.onAttemptFinished(finished(0, 2, { commits: ['zip', 'cache', 'cache 2'] })));
  await tell((events) => events.onArtifactCommitted(artifact('zip', 2)));
  await tell((events) => events.onCacheCommitted(cache('cache')));
  await tell((events) => events.onCacheRefused(refusedCache('cache 2')));
  await schedulers.until('JobAssigned', 3);
  await tell((events) => events.onAttemptFinished(finished(2, 1)));
  await tell((events) => events.onPlayRequested(arriving(JobPlayRequested(about(1)), 'play')));
  await schedulers.until('JobAssigned', 4);
  await tell((events) => events.onCancelRequested(arriving(PipelineCancelRequested({ pipelineId }), 'cancel')));
  await tell((events) => events.onAttemptFinished(finished(1, 1, { outcome: 'cancelled' })));
};

describe('The scheduler', () => {
  it('makes of the news of a pipeline what its rules say', async () => {
    const log = await logOf(1, everything);
    expect(log.map(({ type }) => type).join(' ')).toBe(
      [
        'PipelineStarted JobQueued JobAssigned JobCommitRecorded',
        'JobFailed JobSkipped JobSkipped PipelineFinished',
        'PipelineReopened JobRetried JobQueued JobAssigned JobFinishing',
        'JobCommitRecorded JobCommitRecorded JobCommitRecorded JobSucceeded',
        'JobHeld JobQueued JobAssigned JobSucceeded PipelineFinished',
        'PipelineReopened JobPlayed JobQueued JobAssigned',
        'PipelineCancelling JobStopRequested JobCancelled PipelineFinished',
      ].join(' '),
    );
  });

  it('makes the same of it when all of it is delivered twice', async () => {
    const once = await logOf(1, everything);
    await schedulers.close();
    expect(await logOf(2, everything)).toEqual(once);
  });

  it('names the person who cancelled, started or retried', async () => {
    const log = await logOf(1, everything);
    const by = (type: string) => log.find((event) => event.type === type)?.data;
    expect(by('PipelineCancelling')).toMatchObject({ by: 'ada' });
    expect(by('JobPlayed')).toMatchObject({ by: 'ada' });
  });

  it('ends a pipeline whose plan was rejected, however often it hears of it', async () => {
    const problem = { code: 'x', severity: 'error', message: 'm', file: 'f', line: 1, column: 1 } as const;
    const rejected = arriving(PlanRejected({ pipelineId, problems: [problem] }), 'rejected');
    const log = await logOf(2, (tell) => tell((events) => events.onPlanRejected(rejected)));
    expect(log).toEqual([{ type: 'PipelineRejected', data: { pipelineId, problems: [problem] } }]);
  });

  it('cancels a pipeline whose cancellation came before its plan', async () => {
    const log = await logOf(2, async (tell) => {
      await tell((events) => events.onCancelRequested(arriving(PipelineCancelRequested({ pipelineId }), 'cancel')));
      await tell((events) => events.onPlanned(planned(plan('build'))));
    });
    expect(log.map(({ type }) => type)).toEqual([
      'PipelineCancelling',
      'PipelineStarted',
      'JobCancelled',
      'PipelineFinished',
    ]);
  });
});
