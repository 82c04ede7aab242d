import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DownstreamStopRequested,
  PipelinePlanned,
  PipelineRequested,
  planStream,
  triggerStream,
  type AutoCancel,
  type NewEvent,
  type PipelineContext,
} from '@foldline/contracts';
import { systemClock } from '@foldline/host';
import { pipelineContext, plan } from '../testing/plan-builder.ts';
import { Schedulers, arriving, type Scheduler } from '../testing/schedulers.ts';

let schedulers: Schedulers;
let scheduler: Scheduler;

beforeEach(async () => {
  schedulers = await Schedulers.open(systemClock);
  scheduler = await schedulers.start();
});
afterEach(() => schedulers.close());

const meta = { causationId: 'elsewhere', correlationId: 'elsewhere', actor: { kind: 'user', id: 'ada' } } as const;
const append = (stream: string, event: NewEvent) =>
  schedulers.store.append(stream, [{ ...event, ...meta, id: `${event.type} ${stream}` }], -1);

type Pushed = Partial<Pick<PipelineContext, 'source' | 'ref' | 'sha'>> & { onNewCommit?: AutoCancel['onNewCommit'] };

const contextOf = (pipelineId: string, { onNewCommit: _mode, ...more }: Pushed): PipelineContext => ({
  ...pipelineContext(pipelineId),
  source: 'push',
  sha: pipelineId.at(-1)!.repeat(40),
  ...more,
});

/** A commit is pushed, and its pipeline asked for. */
const request = async (pipelineId: string, pushed: Pushed = {}): Promise<void> => {
  const { project, ref, source, variables, projectVariables, secrets } = contextOf(pipelineId, pushed);
  const request = { pipelineId, project, ref, source, variables, projectVariables, secrets };
  await append(triggerStream(pipelineId), PipelineRequested(request));
};

/** Its plan is there, and the pipeline begins; that it has is told twice. */
const begin = async (pipelineId: string, pushed: Pushed = {}): Promise<void> => {
  const { onNewCommit = 'conservative' } = pushed;
  const planned = PipelinePlanned({
    pipelineId,
    context: contextOf(pipelineId, pushed),
    plan: { ...plan('build'), autoCancel: { onNewCommit, onJobFailure: 'none' } },
  });
  await append(planStream(pipelineId), planned);
  await scheduler.events.onPlanned(arriving(planned, `planned ${pipelineId}`));
  const [started] = await schedulers.until('PipelineStarted', 1, pipelineId);
  for (let n = 0; n < 2; n += 1) await scheduler.events.onPipelineStarted(started as never);
};

const push = async (pipelineId: string, pushed: Pushed = {}): Promise<void> => {
  await request(pipelineId, pushed);
  await begin(pipelineId, pushed);
};

const endOf = async (pipelineId: string): Promise<string | undefined> => {
  const events = await schedulers.store.readStream(`pipeline-${pipelineId}`);
  const end = events.find(({ type }) => type === 'PipelineFinished');
  return (end?.data as { status: string } | undefined)?.status;
};

describe('A push', () => {
  it('ends the older pipelines of its branch that ask for that', async () => {
    await push('q1');
    await push('q2', { onNewCommit: 'none' });
    await push('q3');
    expect(await Promise.all(['q1', 'q2', 'q3'].map(endOf))).toEqual(['cancelled', undefined, undefined]);
    const [cancelling] = await schedulers.until('PipelineCancelling', 1, 'q1');
    expect(cancelling!.data).toMatchObject({ by: 'scheduler', reason: 'superseded' });
    await push('q4');
    expect(await Promise.all(['q2', 'q3', 'q4'].map(endOf))).toEqual([undefined, 'cancelled', undefined]);
    expect(schedulers.errors).toEqual([]);
  });

  it.each([
    ['of another branch', { ref: { name: 'main/x', kind: 'branch', protected: false } }],
    ['of the same commit', { sha: '2'.repeat(40) }],
    ['of a tag', { ref: { name: 'main', kind: 'tag', protected: false } }],
  ] as const)('ends no pipeline %s', async (_what, older) => {
    await push('q1', older);
    await push('q2');
    expect(await endOf('q1')).toBeUndefined();
  });

  it('ends a pipeline that somebody else had asked for', async () => {
    await push('q1', { source: 'web' });
    await push('q2');
    expect(await endOf('q1')).toBe('cancelled');
  });

  it('ends an older pipeline that begins only after it', async () => {
    await request('q1');
    await push('q2');
    await begin('q1');
    expect(await Promise.all(['q1', 'q2'].map(endOf))).toEqual(['cancelled', undefined]);
  });

  it('is told by a pipeline that it makes redundant to those below it, which decide for themselves', async () => {
    await push('c1', { source: 'parent_pipeline' });
    await push('c2', { source: 'parent_pipeline', onNewCommit: 'none' });
    for (const downstreamId of ['c1', 'c1', 'c2']) {
      const told = { pipelineId: 'q1', jobId: 'q1.0', attempt: 1, downstreamId, supersededBy: 'q2' };
      await scheduler.events.onDownstreamStopRequested(arriving(DownstreamStopRequested(told), `told ${downstreamId}`));
    }
    expect(await Promise.all(['c1', 'c2'].map(endOf))).toEqual(['cancelled', undefined]);
    const cancelling = await schedulers.until('PipelineCancelling', 1, 'c1');
    expect(cancelling.map(({ data }) => data)).toMatchObject([{ reason: 'superseded' }]);
  });

  it('is what it takes: a pipeline that a person asks for ends none', async () => {
    await push('q1');
    await push('q2', { source: 'api' });
    expect(await endOf('q1')).toBeUndefined();
  });
});
