import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AttemptFinished, AttemptStarted, SnapshotTaken, StepFinished, attemptStream } from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { Commands, PermanentError, type Cause, type EventStore, type Logger } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import { AttemptRecorder } from './attempt-recorder.ts';
import { attemptDecider } from './attempt.decider.ts';

const PAUSE_MS = 200;
const about = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
const STREAM = attemptStream(about.attemptId);
const CAUSE: Cause = { id: 'assigned', correlationId: 'p1', actor: { kind: 'runner', id: 'one' } };
const step = (index: number) =>
  StepFinished({ ...about, index, name: 'script', outcome: 'success', durationMs: index });
const finished = AttemptFinished({ ...about, runnerId: 'one', outcome: 'success', durationMs: 2, commits: [] });

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe('The recorder of an attempt', () => {
  let directory: string;
  let store: EventStore;
  let clock: ManualClock;
  let recorder: AttemptRecorder;
  let warnings: string[];
  /** What the next append of facts meets; then everything is well again. */
  let trouble: ((append: () => ReturnType<EventStore['append']>) => Promise<unknown>) | undefined;
  let appended: () => void = () => undefined;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-recorder-'));
    clock = new ManualClock();
    trouble = undefined;
    store = await openEmbeddedEventStore({ directory, now: () => clock.now() });
    const append = store.append.bind(store);
    store.append = async (stream, events, expected) => {
      const meets = trouble;
      trouble = undefined;
      try {
        if (meets) await meets(() => append(stream, events, expected));
        return await append(stream, events, expected);
      } finally {
        appended();
      }
    };
    const commands = new Commands(store, clock, 'runner');
    const started = AttemptStarted({ ...about, runnerId: 'one', executor: 'process' });
    await commands.handle(STREAM, attemptDecider, { type: 'StartAttempt', started }, CAUSE);
    warnings = [];
    const logger = { ...silent, warn: (_fields: object, message: string) => void warnings.push(message) };
    recorder = new AttemptRecorder(about.attemptId, { commands, clock, logger }, CAUSE);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const recorded = async (): Promise<string[]> =>
    (await store.readStream(STREAM, 0)).map(({ type, data }) =>
      type === 'StepFinished' ? `step ${(data as { index: number }).index}` : type,
    );
  /** Lets the pause pass and waits for the append that follows. */
  const pauseIsOver = async (): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      appended = resolve;
    });
    await clock.sleeping(PAUSE_MS);
    clock.advance(PAUSE_MS);
    await done;
  };

  it('records a short attempt at its end, in order', async () => {
    recorder.record(step(0));
    recorder.record(step(1));
    const before = await recorded();
    await recorder.finish(finished);

    expect(before).toEqual(['AttemptStarted']);
    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'step 1', 'AttemptFinished']);
  });

  it('records an attempt without facts', async () => {
    await recorder.finish(finished);

    expect(await recorded()).toEqual(['AttemptStarted', 'AttemptFinished']);
  });

  it('shows the progress of a long one', async () => {
    recorder.record(step(0));
    recorder.record(step(1));
    await pauseIsOver();
    const first = await recorded();
    recorder.record(step(2));
    await pauseIsOver();

    expect(first).toEqual(['AttemptStarted', 'step 0', 'step 1']);
    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'step 1', 'step 2']);
    await recorder.finish(finished);
    expect((await recorded()).at(-1)).toBe('AttemptFinished');
  });

  it('shows also what came while it was recording', async () => {
    recorder.record(step(0));
    trouble = async () => recorder.record(step(1));
    await pauseIsOver();
    await pauseIsOver();

    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'step 1']);
    await recorder.finish(finished);
  });

  it('waits with nothing once there is a state that others may go on from', async () => {
    const kept = SnapshotTaken({ ...about, projectId: 'pr1', step: 0, trees: [], files: 0, bytes: 0, durationMs: 1 });
    const firstAppend = new Promise<void>((resolve) => (appended = resolve));
    recorder.record(step(0));
    recorder.record(kept);
    await firstAppend;
    recorder.record(step(1));
    await new Promise<void>((resolve) => {
      appended = resolve;
      recorder.record(kept);
    });

    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'SnapshotTaken', 'step 1', 'SnapshotTaken']);
    await recorder.finish(finished);
  });

  it('loses nothing when facts could not be appended, and appends them at the end', async () => {
    recorder.record(step(0));
    trouble = async () => {
      throw new PermanentError('not now');
    };
    await pauseIsOver();
    recorder.record(step(1));
    await recorder.finish(finished);

    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'step 1', 'AttemptFinished']);
  });

  it('records nothing twice when an append was done and its answer was lost', async () => {
    recorder.record(step(0));
    trouble = async (append) => {
      await append();
      throw new PermanentError('the connection broke');
    };
    await pauseIsOver();
    recorder.record(step(1));
    await recorder.finish(finished);

    expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'step 1', 'AttemptFinished']);
  });

  describe('whose log refuses the end', () => {
    /** From now on every append meets this, until it answers. */
    const always = (refusal: (events: readonly { type: string }[]) => Error | undefined): void => {
      const append = store.append.bind(store);
      store.append = async (stream, events, expected) => {
        const error = refusal(events);
        if (error) throw error;
        return append(stream, events, expected);
      };
    };
    const outcome = async () => (await store.readStream(STREAM, 0)).at(-1)!.data;
    const pauses = async (...ms: number[]): Promise<void> => {
      for (const pause of ms) {
        await clock.sleeping(pause);
        clock.advance(pause);
      }
    };

    it('tries again with growing pauses, at most half a minute, until it is taken', async () => {
      let left = 9;
      always(() => ((left -= 1) < 0 ? undefined : new Error('not now')));
      recorder.record(step(0));
      const finishing = recorder.finish(finished);
      await pauses(250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000);
      await finishing;

      expect(await recorded()).toEqual(['AttemptStarted', 'step 0', 'AttemptFinished']);
      expect(warnings).toHaveLength(9);
    });

    it('records one end when it was recorded and the answer was lost', async () => {
      trouble = async (append) => {
        await append();
        throw new Error('the connection broke');
      };
      const finishing = recorder.finish(finished);
      await pauses(250);
      await finishing;

      expect(await recorded()).toEqual(['AttemptStarted', 'AttemptFinished']);
    });

    it.each([
      ['a success is a failure of the runner', {}, { outcome: 'failed', reason: 'runner_system_failure' }],
      [
        'a failure keeps its reason',
        { outcome: 'failed', reason: 'script_failure' },
        { outcome: 'failed', reason: 'script_failure' },
      ],
    ] as const)('does without the facts that are refused for good: %s', async (_what, given, expected) => {
      always((events) => (events.length > 1 ? new PermanentError('too much') : undefined));
      recorder.record(step(0));
      const finishing = recorder.finish(AttemptFinished({ ...finished.data, commits: ['a1'], ...given }));
      await pauses(250, 500, 1000);
      await finishing;

      expect(await recorded()).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(await outcome()).toMatchObject({ ...expected, commits: [] });
    });

    it('tries once more when the process goes down, and then tells', async () => {
      let tries = 0;
      always(() => new Error(`the disk is gone ${(tries += 1)}`));
      const finishing = recorder.finish(finished);
      await clock.sleeping(250);
      recorder.hurry();

      await expect(finishing).rejects.toThrow('the disk is gone 2');
      expect(await recorded()).toEqual(['AttemptStarted']);
    });

    it('is in no hurry to give up what the log takes at the last moment', async () => {
      let tries = 0;
      always(() => ((tries += 1) === 1 ? new Error('not now') : undefined));
      const finishing = recorder.finish(finished);
      await clock.sleeping(250);
      recorder.hurry();
      await finishing;

      expect(await recorded()).toEqual(['AttemptStarted', 'AttemptFinished']);
    });
  });
});
