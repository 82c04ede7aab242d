import {
  evolveRunner,
  hasEnded,
  newRunnerHistory,
  runnerStream,
  type RecordedEvent,
  type RunnerEvent,
  type RunnerHistory,
} from '@foldline/contracts';
import type { Clock, EventStore } from '@foldline/kernel';

const PAGE = 1000;

type Entry = { history: RunnerHistory; revision: number; endedAt: Map<string, number> };
export type RunnerNews = RecordedEvent & RunnerEvent;

export const isRunnerNews = (event: RecordedEvent): event is RunnerNews =>
  event.type === 'RunnerRegistered' || event.type === 'RunnerDraining' || event.type === 'RunnerLost';

/** What the log says about each runner, and since when this process knows that an epoch is over. */
export class RunnerRoster {
  private readonly entries = new Map<string, Promise<Entry>>();

  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  async historyOf(runnerId: string): Promise<RunnerHistory> {
    return (await this.entry(runnerId)).history;
  }

  /** Takes in an event from the log or of this process; one that is known already changes nothing. */
  async apply(event: RunnerNews): Promise<void> {
    const { runnerId } = event.data;
    const entry = await this.entry(runnerId);
    if (event.revision > entry.revision + 1) await this.read(runnerId, entry);
    this.take(entry, event);
  }

  /** When this process first knew, by monotonic time, that what was given under the epoch is to be given to others. */
  async endedAt(runnerId: string, epoch: string | undefined): Promise<number | undefined> {
    const { history, endedAt } = await this.entry(runnerId);
    if (!hasEnded(history, epoch)) return undefined;
    return epoch === undefined ? Math.max(...endedAt.values()) : endedAt.get(epoch);
  }

  private entry(runnerId: string): Promise<Entry> {
    const known = this.entries.get(runnerId);
    if (known) return known;
    const entry: Entry = { history: newRunnerHistory(), revision: -1, endedAt: new Map() };
    const reading = this.read(runnerId, entry);
    this.entries.set(runnerId, reading);
    reading.catch(() => this.entries.delete(runnerId));
    return reading;
  }

  private async read(runnerId: string, entry: Entry): Promise<Entry> {
    for (;;) {
      const page = await this.store.readStream(runnerStream(runnerId), entry.revision + 1, PAGE);
      for (const event of page) if (isRunnerNews(event)) this.take(entry, event);
      if (page.length < PAGE) return entry;
    }
  }

  private take(entry: Entry, event: RunnerNews): void {
    if (event.revision <= entry.revision) return;
    entry.revision = event.revision;
    evolveRunner(entry.history, event);
    const now = this.clock.monotonic();
    for (const epoch of entry.history.ended) if (!entry.endedAt.has(epoch)) entry.endedAt.set(epoch, now);
  }
}
