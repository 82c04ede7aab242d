import { RECONNECT, Tries, type Retry } from '@foldline/delivery';
import { PermanentError, TransientError, type Claims, type EventStore } from '@foldline/kernel';
import type { RelayCheckpoint, RelayCheckpoints } from './checkpoint-topic.ts';
import { Outbox } from './outbox.ts';
import type { Publisher } from './publisher.ts';

export type RelayOptions = {
  /** The service whose events it brings. Two relays of one name share a checkpoint, and one of them leads. */
  name: string;
  categories: readonly string[];
  /** The log as it is stored: references to large payloads stay references. */
  store: EventStore;
  claims: Claims;
  /** A leader that is silent for longer is replaced; 15 s when absent. */
  claimTtlMs?: number;
  checkpoints: RelayCheckpoints;
  openPublisher: () => Promise<Publisher>;
  now: () => string;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  retry?: Partial<Retry>;
  saveEveryMs?: number;
  saveEveryEvents?: number;
  /** How often it looks whether it is behind for lack of events of its own; 60 s when absent. */
  keepUpEveryMs?: number;
  /** How long events may gather after it has published all there were; 10 ms when absent. The first is not kept waiting. */
  gatherMs?: number;
  /** Told of every failure that it goes on from by itself. */
  onTrouble?: (error: Error) => void;
  /** Told when it cannot go on: damaged log, or an event that Kafka never takes. Without it the process ends. */
  onFailure?: (error: unknown) => void;
};

const CLAIM_TTL_MS = 15_000;
const KEEP_UP_EVERY_MS = 60_000;
const GATHER_MS = 10;

/**
 * Brings the events of one service from the store to the topic: append, then relay, so that nobody ever appends and
 * publishes in one step (reliability 2.1).
 *
 * The checkpoint is the position of an event that was received here and acknowledged by Kafka, with everything before
 * it; so a crash anywhere publishes some events twice and loses none. Any failure of the producer is answered with a
 * new producer from that position. Two that lead at once are safe for the same reason: consumers drop what they have.
 */
export class Relay {
  private readonly stopping = new AbortController();
  private readonly retry: Retry;
  private contending: Promise<void> | undefined;
  private leading: { end: AbortController; done: Promise<void> } | undefined;
  private safe = 0;
  private saved = 0;
  private unsavedEvents = 0;
  private saving: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RelayOptions) {
    this.retry = { ...RECONNECT, ...options.retry };
  }

  /** Every event of its categories up to here is safe in the topic, as far as this relay has seen to it. */
  get position(): number {
    return this.safe;
  }

  get leads(): boolean {
    return this.leading !== undefined;
  }

  start(): void {
    const { name, claims, claimTtlMs = CLAIM_TTL_MS } = this.options;
    this.contending ??= claims
      .contend({
        name: `relay-${name}`,
        ttlMs: claimTtlMs,
        signal: this.stopping.signal,
        onChange: (held) => (held ? this.begin() : this.leading?.end.abort()),
      })
      .catch((error: unknown) => this.fail(error));
  }

  /** Ends what is under way, saves how far it is and gives the lead up. */
  async close(): Promise<void> {
    const { leading } = this;
    leading?.end.abort();
    await leading?.done;
    this.stopping.abort();
    await this.contending;
    await this.options.checkpoints.close();
  }

  private begin(): void {
    if (this.stopping.signal.aborted) return;
    const end = new AbortController();
    const before = this.leading?.done;
    const leading = { end, done: Promise.resolve() };
    leading.done = Promise.resolve(before)
      .then(() => this.lead(end.signal))
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        if (this.leading === leading) this.leading = undefined;
      });
    this.leading = leading;
  }

  private async lead(signal: AbortSignal): Promise<void> {
    for (let tries = new Tries(this.retry); !signal.aborted;) {
      const before = this.safe;
      try {
        await this.bring(signal);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        this.options.onTrouble?.(error);
        if (this.safe > before) tries = new Tries(this.retry);
        await this.pause(tries.pauseAfter(error)!, signal);
      }
    }
    await this.saveLast();
  }

  /** From the last position that is safe, until the signal aborts or something fails. */
  private async bring(signal: AbortSignal): Promise<void> {
    const { store, categories, openPublisher } = this.options;
    await this.loadPosition();
    const publisher = await openPublisher();
    const outbox = new Outbox();
    const broken = new AbortController();
    const ending = AbortSignal.any([signal, broken.signal]);
    const end = (): void => outbox.end();
    ending.addEventListener('abort', end, { once: true });
    if (ending.aborted) end();
    const following = store
      .follow(this.safe, (events) => outbox.put(events), ending, { categories })
      .finally(() => broken.abort());
    const publishing = this.publish(outbox, publisher, ending).finally(() => broken.abort());
    const keepingUp = this.keepUp(ending).finally(() => broken.abort());
    const ends = await Promise.allSettled([following, publishing, keepingUp]);
    await publisher.close();
    for (const each of ends) if (each.status === 'rejected') throw each.reason;
    if (!signal.aborted) throw new TransientError('the log ended its following');
  }

  private async publish(outbox: Outbox, publisher: Publisher, signal: AbortSignal): Promise<void> {
    const { gatherMs = GATHER_MS } = this.options;
    for (;;) {
      const batch = await outbox.take();
      if (batch.length === 0) return;
      await publisher.publish(batch);
      this.safe = Math.max(this.safe, batch.at(-1)!.event.position);
      this.unsavedEvents += batch.length;
      this.saveSoon();
      if (outbox.isEmpty) await this.pause(gatherMs, signal);
    }
  }

  /**
   * While only others append, the last event of this relay falls behind, and whoever begins there searches everything
   * since. So the position moves to the last event of the log when a read shows that none of its own lies before it.
   */
  private async keepUp(signal: AbortSignal): Promise<void> {
    const { store, categories, keepUpEveryMs = KEEP_UP_EVERY_MS } = this.options;
    for (;;) {
      await this.pause(keepUpEveryMs, signal);
      if (signal.aborted) return;
      const before = this.safe;
      const last = await store.lastPosition();
      if (last <= before) continue;
      const own = await store.readAll({ after: before, limit: 1, categories });
      if (own.length > 0 || this.safe > before) continue;
      this.safe = last;
      this.saveSoon();
    }
  }

  private async loadPosition(): Promise<void> {
    const { checkpoints, name, store } = this.options;
    const position = (await checkpoints.load(name))?.position ?? 0;
    const last = await store.lastPosition();
    if (position > last)
      throw new PermanentError(`the relay ${name} is at position ${position}, but the log ends at ${last}`);
    this.safe = Math.max(this.safe, position);
    this.saved = Math.max(this.saved, position);
  }

  private saveSoon(): void {
    const { saveEveryMs = 200, saveEveryEvents = 500 } = this.options;
    if (this.unsavedEvents >= saveEveryEvents) this.save();
    else this.timer ??= setTimeout(() => this.save(), saveEveryMs).unref();
  }

  /** One at a time. A save that fails is made up for by the next: an old checkpoint only publishes more events twice. */
  private save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.saving || this.safe <= this.saved) return;
    this.unsavedEvents = 0;
    const checkpoint = this.checkpoint();
    this.saving = this.options.checkpoints
      .save(checkpoint)
      .then(
        () => {
          this.saved = checkpoint.position;
        },
        (error: Error) => this.options.onTrouble?.(error),
      )
      .finally(() => {
        this.saving = undefined;
        if (this.safe > this.saved) this.saveSoon();
      });
  }

  private async saveLast(): Promise<void> {
    await this.saving;
    this.save();
    await this.saving;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private checkpoint(): RelayCheckpoint {
    const { name, categories, now } = this.options;
    return { name, categories, position: this.safe, savedAt: now() };
  }

  private async pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.options.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private fail(error: unknown): void {
    (this.options.onFailure ?? endProcess)(error);
  }
}

const endProcess = (error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};
