import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { leaseTerms, runnerStream, type LeaseTerms, type RecordedEvent } from '@foldline/contracts';
import { PORT, type Clock, type EventStore, type Ids, type Logger, type Settings } from '@foldline/kernel';
import { RunnerLease, type Standing } from './runner-lease.ts';

const PAGE = 1000;

/** The leases of this process's runners: reads in the log whether they are lost, and says when one is over. */
@Injectable()
export class RunnerLeases implements BeforeApplicationShutdown {
  readonly terms: LeaseTerms;
  readonly all: readonly RunnerLease[];
  private readonly closing = new AbortController();
  private readonly lookedAt = new Map<RunnerLease, number>();
  private ended: (runnerId: string, epoch: string) => void = () => undefined;
  private begun: (lease: RunnerLease) => void = () => undefined;
  private replaced: (runnerId: string) => void = () => undefined;
  private readonly told = new Set<RunnerLease>();

  constructor(
    @Inject(PORT.settings) { mode, runnerLeaseMs, runners }: Settings,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.ids) ids: Ids,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {
    this.terms = leaseTerms(runnerLeaseMs);
    // In one process the log is locked: an earlier process of the same runners would still hold it.
    const alone = mode === 'standalone';
    this.all = runners.map(({ id }) => new RunnerLease(id, this.terms, alone, () => ids.next()));
  }

  /** Everything that the runner was given under the epoch, or before it, must stop at once. */
  onEnded(listener: (runnerId: string, epoch: string) => void): void {
    this.ended = listener;
  }

  /** The runner has a new epoch, which is to be registered. */
  onBegun(listener: (lease: RunnerLease) => void): void {
    this.begun = listener;
  }

  /** Another process is this runner now; told once. */
  onReplaced(listener: (runnerId: string) => void): void {
    this.replaced = listener;
  }

  standing(runnerId: string, epoch: string | undefined): Standing {
    return this.of(runnerId)?.standing(epoch, this.clock.monotonic()) ?? 'ended';
  }

  /** Whether the log says that what the runner was given under the epoch and has not begun goes to others. */
  letsGo(runnerId: string, epoch: string | undefined): boolean {
    return this.of(runnerId)?.letsGo(epoch) ?? false;
  }

  /** Reads in the log now what it says of every runner of this process. */
  async lookNow(): Promise<void> {
    await Promise.all(this.all.map((lease) => this.lookAtMostFor(this.terms.lookMs, lease)));
  }

  private of(runnerId: string): RunnerLease | undefined {
    return this.all.find((lease) => lease.runnerId === runnerId);
  }

  /** A hello was answered. What was given to an earlier epoch is known when this one has been read in the log. */
  answered(runnerId: string, epoch: string, helloNumber: number): void {
    const lease = this.of(runnerId);
    if (lease?.answered(epoch, helloNumber)) void this.look(lease);
  }

  /** Looks after all leases from now on. */
  keep(): void {
    for (const lease of this.all) {
      void this.keepLooking(lease);
      void this.keepTime(lease);
    }
  }

  beforeApplicationShutdown(): void {
    this.closing.abort();
  }

  private async keepLooking(lease: RunnerLease): Promise<void> {
    const { lookMs } = this.terms;
    while (!this.closing.signal.aborted) {
      if (lease.isLookDue(this.clock.monotonic(), this.lookedAt.get(lease) ?? Number.NEGATIVE_INFINITY))
        await this.lookAtMostFor(lookMs, lease);
      await this.clock.sleep(lookMs, this.closing.signal);
    }
  }

  /** Ends the lease when its time is over. Who has slept through that asks the log first whether anybody has noticed. */
  private async keepTime(lease: RunnerLease): Promise<void> {
    while (!this.closing.signal.aborted) {
      const { lookMs } = this.terms;
      const now = this.clock.monotonic();
      if (lease.isPast(now)) {
        const { epoch } = lease;
        await this.lookAtMostFor(lookMs, lease);
        if (this.closing.signal.aborted) return;
        if (lease.epoch === epoch && lease.expired(this.clock.monotonic()))
          this.end(lease, epoch, 'no answer came, and the log could not be read, for as long as it was good');
      }
      const left = (lease.deadline ?? Number.POSITIVE_INFINITY) - this.clock.monotonic();
      await this.clock.sleep(Math.min(Math.max(left, 1), lookMs), this.closing.signal);
    }
  }

  private async lookAtMostFor(ms: number, lease: RunnerLease): Promise<void> {
    const enough = new AbortController();
    await Promise.race([this.look(lease), this.clock.sleep(ms, enough.signal)]);
    enough.abort();
  }

  /** Asks the log. One that does not answer says nothing; one that is slow answers for when it was asked. */
  private async look(lease: RunnerLease): Promise<void> {
    const askedAt = this.clock.monotonic();
    this.lookedAt.set(lease, askedAt);
    try {
      const events: RecordedEvent[] = [];
      for (let from = lease.nextRevision, more = true; more; from += PAGE) {
        const page = await this.store.readStream(runnerStream(lease.runnerId), from, PAGE);
        events.push(...page);
        more = page.length === PAGE;
      }
      if (this.closing.signal.aborted) return;
      if (lease.looked(askedAt, events)) this.end(lease, lease.epoch, 'the log says that it is lost');
      if (lease.beginAnew()) this.begun(lease);
      if (!lease.isReplaced || this.told.has(lease)) return;
      this.told.add(lease);
      this.replaced(lease.runnerId);
    } catch (err) {
      this.logger.debug({ err, runnerId: lease.runnerId }, 'whether a runner is lost could not be read');
    }
  }

  private end({ runnerId }: RunnerLease, epoch: string, because: string): void {
    this.logger.warn({ runnerId, epoch, because }, 'a runner has lost its lease; its jobs are killed');
    this.ended(runnerId, epoch);
  }
}
