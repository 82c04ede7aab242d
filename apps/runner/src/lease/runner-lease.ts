import {
  evolveRunner,
  hasEnded,
  isDraining,
  newRunnerHistory,
  type LeaseTerms,
  type RecordedEvent,
  type RunnerEvent,
  type RunnerHistory,
} from '@foldline/contracts';

/** Hellos whose answers are still told apart. */
const REMEMBERED = 64;

/** `ended` is given to others; `unsure` may be either, and the log will tell. */
export type Standing = 'held' | 'unsure' | 'ended';

/**
 * The lease of one runner as the runner knows it, by monotonic time; knows no clock of its own. It is held while the
 * runner knows that its jobs cannot have been given to others:
 *
 * - A hello that was answered is good for a lease from when it was sent, less a margin: the scheduler heard it later
 *   than that, and waits for a lease and the grace period before it gives anything away.
 * - Having read in the log that the runner is not lost is good for half the grace period from when the question was
 *   asked. This also ends a lease that somebody still answers hellos for, and does not need signals.
 *
 * An epoch that is over never comes back; a new one begins when the log says that nobody else has taken its place.
 */
export class RunnerLease {
  epoch: string;
  /** Absent until the epoch is known to be registered. */
  private goodUntil: number | undefined;
  private answeredAt = Number.NEGATIVE_INFINITY;
  private over = false;
  private hellos = 0;
  private readonly sentAt = new Map<number, number>();
  private readonly own = new Set<string>();
  private readonly history: RunnerHistory = newRunnerHistory();
  private revision = -1;

  constructor(
    readonly runnerId: string,
    private readonly terms: LeaseTerms,
    /** No other process of this runner can be alive; what an earlier one was given is still this one's. */
    readonly alone: boolean,
    private readonly newEpoch: () => string,
  ) {
    this.epoch = this.begin();
  }

  get nextRevision(): number {
    return this.revision + 1;
  }

  /** When the lease ends unless it is renewed; absent when it is not held. */
  get deadline(): number | undefined {
    return this.over ? undefined : this.goodUntil;
  }

  /** The number of a hello that is sent now; absent when this runner has nothing to offer. */
  sayHello(now: number): number | undefined {
    if (this.over) return undefined;
    this.hellos += 1;
    this.sentAt.set(this.hellos, now);
    this.sentAt.delete(this.hellos - REMEMBERED);
    return this.hellos;
  }

  /** True when the log has not been read yet since the epoch was registered. */
  answered(epoch: string, helloNumber: number): boolean {
    const sentAt = epoch === this.epoch ? this.sentAt.get(helloNumber) : undefined;
    if (sentAt === undefined || this.over) return false;
    this.answeredAt = Math.max(this.answeredAt, sentAt);
    this.isGoodUntil(sentAt + this.terms.leaseMs - this.terms.marginMs);
    return this.history.epoch !== this.epoch;
  }

  /** What the log says now, asked for at a time; true when that ended the lease. */
  looked(askedAt: number, events: readonly RecordedEvent[]): boolean {
    for (const event of events) {
      if (event.revision !== this.revision + 1) continue;
      this.revision = event.revision;
      evolveRunner(this.history, event as unknown as RunnerEvent);
    }
    if (this.over) return false;
    const { epoch, known } = this.history;
    if (hasEnded(this.history, this.epoch) || (known.has(this.epoch) && epoch !== this.epoch)) return this.end();
    if (epoch === this.epoch) this.isGoodUntil(askedAt + this.terms.readGoodMs);
    return false;
  }

  /** True when the time is over that this lease was good for, which ends it. */
  expired(now: number): boolean {
    return this.isPast(now) && this.end();
  }

  isPast(now: number): boolean {
    return this.deadline !== undefined && now >= this.deadline;
  }

  /** Whether the log is to be asked, given when it was asked last. */
  isLookDue(now: number, lookedAt: number): boolean {
    const answered = this.deadline !== undefined && now - this.answeredAt < this.terms.leaseMs / 3;
    return now - lookedAt >= (answered ? 2 : 1) * this.terms.lookMs;
  }

  /** Our lease is over, and the log says that another process is this runner now. */
  get isReplaced(): boolean {
    const { epoch } = this.history;
    return this.over && epoch !== undefined && !this.own.has(epoch) && !hasEnded(this.history, epoch);
  }

  /** A new epoch, after the last one is over and the log was read: unless another process is this runner now. */
  beginAnew(): boolean {
    if (!this.over || this.isReplaced) return false;
    this.begin();
    return true;
  }

  /** What a job is to this runner that was assigned to it under an epoch. */
  standing(epoch: string | undefined, now: number): Standing {
    if (hasEnded(this.history, epoch)) return 'ended';
    if (epoch !== this.epoch && !this.alone) return this.mayBeAnothers(epoch) ? 'unsure' : 'ended';
    // Under an earlier epoch: whether that is over is known when the registration of this one has been read.
    const isKnown = epoch === this.epoch || this.history.epoch === this.epoch;
    return isKnown && this.deadline !== undefined && now < this.deadline ? 'held' : 'unsure';
  }

  /** The log says that what was given under the epoch and was not begun is given to others. */
  letsGo(epoch: string | undefined): boolean {
    return isDraining(this.history, epoch);
  }

  /** Given to a process that is this runner now, or will be: an event for it that we pass over would reach nobody. */
  private mayBeAnothers(epoch: string | undefined): boolean {
    if (epoch === undefined || this.own.has(epoch)) return false;
    return epoch === this.history.epoch || !this.history.known.has(epoch);
  }

  private isGoodUntil(time: number): void {
    this.goodUntil = Math.max(this.goodUntil ?? Number.NEGATIVE_INFINITY, time);
  }

  private end(): true {
    this.over = true;
    this.goodUntil = undefined;
    return true;
  }

  private begin(): string {
    this.epoch = this.newEpoch();
    this.own.add(this.epoch);
    this.over = false;
    this.goodUntil = undefined;
    this.answeredAt = Number.NEGATIVE_INFINITY;
    this.sentAt.clear();
    return this.epoch;
  }
}
