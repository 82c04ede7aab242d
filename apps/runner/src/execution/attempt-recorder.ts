import { AttemptFinished, attemptStream } from '@foldline/contracts';
import type { Cause, Clock, Commands } from '@foldline/kernel';
import { attemptDecider, type AttemptCommand, type AttemptFact } from './attempt.decider.ts';

const PAUSE_MS = 200;

/**
 * Records what happens in one attempt, in order. Facts are gathered for a moment, so that a short job costs one append
 * at its end, and a long one shows its progress.
 */
export class AttemptRecorder {
  private facts: AttemptFact[] = [];
  private batches = 0;
  private flushing: Promise<void> | undefined;
  /** What could not be appended, or whose append was not answered. Its cause stays, so that it is never recorded twice. */
  private undone: (() => Promise<void>) | undefined;
  private readonly ended = new AbortController();

  constructor(
    private readonly attemptId: string,
    private readonly commands: Commands,
    private readonly clock: Clock,
    private readonly cause: Cause,
  ) {}

  record(fact: AttemptFact): void {
    this.facts.push(fact);
    this.flushing ??= this.flushSoon();
  }

  async finish(finished: ReturnType<typeof AttemptFinished>): Promise<void> {
    this.ended.abort();
    await this.flushing;
    await this.undone?.();
    await this.append({ type: 'FinishAttempt', facts: this.facts.splice(0), finished })();
  }

  /** A failure to append waits until `finish`, which tries once more and tells. */
  private async flushSoon(): Promise<void> {
    await this.clock.sleep(PAUSE_MS, this.ended.signal);
    if (this.ended.signal.aborted || this.undone) return;
    const append = this.append({ type: 'RecordFacts', facts: this.facts.splice(0) });
    await append().catch(() => {
      this.undone = append;
    });
    this.flushing = undefined;
    if (this.facts.length > 0) this.flushing = this.flushSoon();
  }

  private append(command: AttemptCommand): () => Promise<void> {
    this.batches += 1;
    const cause = { ...this.cause, id: `${this.cause.id}:${this.batches}` };
    return async () => void (await this.commands.handle(attemptStream(this.attemptId), attemptDecider, command, cause));
  }
}
