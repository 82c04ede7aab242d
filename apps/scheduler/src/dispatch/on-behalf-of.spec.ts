import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@foldline/host';
import { logFields, type Cause, type EventStore } from '@foldline/kernel';
import { storeWith } from '@foldline/testing';
import type { PipelineCommand } from '../pipeline/pipeline.decider.ts';
import { pipelineContext, plan } from '../testing/plan-builder.ts';
import { offer } from '../testing/queued-job.ts';
import { Schedulers, type Scheduler } from '../testing/schedulers.ts';

let schedulers: Schedulers;
afterEach(() => schedulers.close());

const handling = new AsyncLocalStorage<string>();
let serial = 0;
/** Gives a command as the handling of an event does. */
const give = (scheduler: Scheduler, name: string, pipelineId: string, command: PipelineCommand): Promise<void> => {
  const cause: Cause = { id: `test ${serial++}`, actor: { kind: 'user', id: 'ada' } };
  return handling.run(name, () => scheduler.dispatch.handle(pipelineId, command, cause));
};
const start = (pipelineId: string): PipelineCommand => ({
  type: 'StartPipeline',
  context: pipelineContext(pipelineId),
  plan: plan('a'),
});

/** The same store, which notes where assignments are stored. */
const noting = (store: EventStore, notes: unknown[]): EventStore =>
  storeWith(store, {
    append: (stream, events, expected) => {
      if (events[0]?.type === 'JobAssigned') notes.push([handling.getStore(), logFields()]);
      return store.append(stream, events, expected);
    },
  });

describe('A job that waited', () => {
  it('is given to a runner on behalf of what had queued it, whatever made room for it', async () => {
    schedulers = await Schedulers.open(systemClock);
    await schedulers.runner('r1', offer({ slots: 1 }));
    const notes: unknown[] = [];
    const scheduler = await schedulers.start({ store: noting(schedulers.store, notes) });
    await give(scheduler, 'the start of p1', 'p1', start('p1'));
    await schedulers.until('JobAssigned', 1, 'p1');
    await give(scheduler, 'the start of p2', 'p2', start('p2'));
    await give(scheduler, 'the end in p1', 'p1', {
      type: 'FinishAttempt',
      jobId: 'p1.0',
      attempt: 1,
      outcome: 'success',
      commits: [],
    });
    await schedulers.until('JobAssigned', 1, 'p2');
    const about = (pipelineId: string) => ({
      service: 'scheduler',
      pipelineId,
      jobId: `${pipelineId}.0`,
      attemptId: `${pipelineId}.0.1`,
    });
    expect(notes).toEqual([
      ['the start of p1', about('p1')],
      ['the start of p2', about('p2')],
    ]);
  });
});
