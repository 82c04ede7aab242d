import { AttemptFinished, SnapshotTaken, attemptStream } from '@foldline/contracts';
import { PermanentError, type Cause, type Clock, type Commands, type Logger } from '@foldline/kernel';
import { attemptDecider, type AttemptCommand, type AttemptFact } from './attempt.decider.ts';

const PAUSE_MS = 200;
/** Between tries to record the end: the first pause and the longest; each is twice as long as the one before. */
const RETRY_MS = { first: 250, longest: 30_000 };
/** So often an end that is refused for good is tried as it is. */
const REFUSALS = 3;

type RecorderTools = { commands: Commands; clock: Clock; logger: Logger };
type Finished = ReturnType<typeof AttemptFinished>;
type Recording = () => Promise<void>;

/**
 * Records what happens in one attempt, in order. Facts are gathered for a moment, so that a short job costs one append
 * at its end, and a long one shows its progress; but nobody waits with a state that others may go on from.
 */
export class AttemptRecorder {
  private facts: AttemptFact[] = [];
  private batches = 0;
  private flushing: Promise<void> | undefined;
  /** What could not be appended, or whose append was not answered. Its cause stays, so that it is never recorded twice. */
  private undone: Recording | undefined;
  private pause = new AbortController();
  private readonly ended = new AbortController();
  private readonly hurried = new AbortController();

  constructor(
    private readonly attemptId: string,
    private readonly tools: RecorderTools,
    private readonly cause: Cause,
  ) {}

  record(fact: AttemptFact): void {
    this.facts.push(fact);
    this.flushing ??= this.flushSoon();
    if (isUrgent(fact)) this.pause.abort();
  }

  /**
   * Records the end, however long the log refuses it: while this process lives, nobody else would. A try whose answer
   * was lost is recognised by its ids, so there is one end. Throws only after `hurry`.
   */
  async finish(finished: Finished): Promise<void> {
    this.ended.abort();
    await this.flushing;
    const end = this.append({ type: 'FinishAttempt', facts: this.facts.splice(0), finished });
    let record: Recording = async () => {
      await this.undone?.();
      await end();
    };
    let refusals = 0;
    for (let pause = RETRY_MS.first; ; pause = Math.min(pause * 2, RETRY_MS.longest)) {
      const error = await failureOf(record);
      if (!error) return;
      if (this.hurried.signal.aborted) throw error.cause;
      if (error.cause instanceof PermanentError) refusals += 1;
      if (refusals === REFUSALS)
        record = this.append({ type: 'FinishAttempt', facts: [], finished: withoutFacts(finished) });
      this.tools.logger.warn(
        { err: error.cause, attemptId: this.attemptId, retryMs: pause },
        'the end of an attempt could not be recorded yet',
      );
      await this.tools.clock.sleep(pause, this.hurried.signal);
    }
  }

  /** The process goes down: one try more, and what is not recorded then is left to the next process. */
  hurry(): void {
    this.hurried.abort();
  }

  /** What could not be appended waits until `finish`. */
  private async flushSoon(): Promise<void> {
    this.pause = new AbortController();
    if (!this.facts.some(isUrgent))
      await this.tools.clock.sleep(PAUSE_MS, AbortSignal.any([this.pause.signal, this.ended.signal]));
    if (this.ended.signal.aborted || this.undone) return;
    const append = this.append({ type: 'RecordFacts', facts: this.facts.splice(0) });
    await append().catch(() => {
      this.undone = append;
    });
    this.flushing = undefined;
    if (this.facts.length > 0) this.flushing = this.flushSoon();
  }

  private append(command: AttemptCommand): Recording {
    this.batches += 1;
    const cause = { ...this.cause, id: `${this.cause.id}:${this.batches}` };
    const stream = attemptStream(this.attemptId);
    return async () => void (await this.tools.commands.handle(stream, attemptDecider, command, cause));
  }
}

/** What another attempt goes on from, should this process be killed in the next moment. */
const isUrgent = ({ type }: AttemptFact): boolean => type === SnapshotTaken.type;

const failureOf = (record: Recording): Promise<{ cause: unknown } | undefined> =>
  record().then(
    () => undefined,
    (cause: unknown) => ({ cause }),
  );

/** An end with nothing in it that could be refused. A success whose uploads nobody hears of is none. */
const withoutFacts = ({ data }: Finished): Finished => {
  const { attemptId, pipelineId, jobId, attempt, runnerId, outcome, reason, durationMs, log } = data;
  return AttemptFinished({
    attemptId,
    pipelineId,
    jobId,
    attempt,
    runnerId,
    durationMs,
    ...(outcome === 'success'
      ? { outcome: 'failed', reason: 'runner_system_failure' }
      : { outcome, ...(reason && { reason }) }),
    detail: 'what the attempt did could not be recorded',
    commits: [],
    ...(log && { log }),
  });
};
