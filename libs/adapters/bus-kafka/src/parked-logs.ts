import { setTimeout as sleep } from 'node:timers/promises';
import { throughOutages, type Outage } from '@foldline/delivery';
import { PermanentError, type EventStore, type ParkedStream, type ParkedStreams } from '@foldline/kernel';
import { randomUUID } from 'node:crypto';
import { ParkedLog } from './parked-log.ts';
import { decideDiscard, decideReplay, type ReplayOutcome } from './parked-state.ts';
import { PARKED_CATEGORY, groupOfParkedStream } from './parked.events.ts';

export type ParkedLogsOptions = {
  store: EventStore;
  /** Groups that may have parked keys, whether they run here or not. */
  groups: readonly string[];
  /** Groups that come and go, such as those of single processes. */
  otherGroups: () => Promise<readonly string[]>;
  /** How long a replay is waited for that a member of the group carries out. */
  replayTimeoutMs: number;
  outage: Outage;
  onFailure: (error: unknown) => void;
};

/** The parked keys of all groups, the same in every process: what is shown and decided lies in the event store. */
export class ParkedLogs implements ParkedStreams {
  private readonly logs = new Map<string, ParkedLog>();
  private following: Promise<void> | undefined;

  constructor(private readonly options: ParkedLogsOptions) {
    for (const group of options.groups) this.of(group);
  }

  of(group: string): ParkedLog {
    const known = this.logs.get(group);
    if (known) return known;
    const log = new ParkedLog(group, this.options.store);
    this.logs.set(group, log);
    return log;
  }

  /** Keeps every group's state current from now on. */
  follow(): void {
    const { store, outage, onFailure } = this.options;
    this.following ??= throughOutages(async () => {
      const after = await store.lastPosition();
      for (const log of this.logs.values()) await log.catchUp();
      const listener = async (events: readonly { stream: string }[]): Promise<void> => {
        for (const stream of new Set(events.map((event) => event.stream)))
          await this.of(groupOfParkedStream(stream)).catchUp();
      };
      await store.follow(after, listener, outage.closing, { categories: [PARKED_CATEGORY] });
    }, outage).catch(onFailure);
  }

  /** Resolves when the following has ended, after the bus has begun to close. */
  async idle(): Promise<void> {
    await this.following;
  }

  async list(): Promise<ParkedStream[]> {
    for (const group of await this.options.otherGroups()) this.of(group);
    for (const log of this.logs.values()) await log.catchUp();
    return [...this.logs.values()]
      .flatMap((log) => log.list())
      .toSorted((a, b) => (a.parkedAt < b.parkedAt ? -1 : a.parkedAt > b.parkedAt ? 1 : 0));
  }

  async replay(group: string, key: string): Promise<ReplayOutcome> {
    this.assertOpen();
    this.follow();
    const log = this.of(group);
    await log.catchUp();
    const request = await log.change((state) => decideReplay(state, key, randomUUID()));
    return request === undefined ? { replayed: 0, parked: false } : this.outcome(log, key, request);
  }

  async discard(group: string, key: string): Promise<{ discarded: number }> {
    this.assertOpen();
    const log = this.of(group);
    await log.catchUp();
    return { discarded: await log.change((state) => decideDiscard(state, key)) };
  }

  /** Waits for the member that carries the replay out; when none does in time the wish stays and the key is parked. */
  private async outcome(log: ParkedLog, key: string, request: string): Promise<ReplayOutcome> {
    const late = new AbortController();
    const giveUp = AbortSignal.any([late.signal, this.options.outage.closing]);
    const ended = new Promise<void>((resolve) => {
      const look = (): void => (log.state.outcomes.has(request) ? resolve() : undefined);
      const forget = log.onChange(look);
      giveUp.addEventListener('abort', forget, { once: true });
      look();
    });
    await Promise.race([ended, waited(this.options.replayTimeoutMs, giveUp)]);
    late.abort();
    const parked = log.state.keys.get(key);
    return (
      log.state.outcomes.get(request) ?? { replayed: parked?.request?.replayed ?? 0, parked: parked !== undefined }
    );
  }

  private assertOpen(): void {
    if (this.options.outage.closing.aborted) throw new PermanentError('the bus is closed');
  }
}

const waited = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
