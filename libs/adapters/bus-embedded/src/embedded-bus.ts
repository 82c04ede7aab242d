import { setMaxListeners } from 'node:events';
import type { RecordedEvent } from '@foldline/contracts';
import { DEFAULT_RETRY, type HandlingFailure, type Retry } from '@foldline/delivery';
import {
  PermanentError,
  type EventBus,
  type EventHandler,
  type EventStore,
  type SubscribeOptions,
} from '@foldline/kernel';
import { BusState } from './bus-state.ts';
import { ConsumerGroup, type GroupContext } from './consumer-group.ts';
import { ParkedKeys } from './parked-keys.ts';

export type EmbeddedBusOptions = {
  store: EventStore;
  /** Made when it does not exist. Keeps checkpoints and parked keys. */
  directory: string;
  /** RFC 3339 in UTC. */
  now: () => string;
  /** Must end, in whatever way, soon after the signal aborts. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  retry?: Partial<Retry>;
  /** Told of each time that an event could not be handled, for the log. */
  onHandlingFailure?: (failure: HandlingFailure) => void;
  /**
   * Told when a group stops because the log or the bus state is broken. Without it the error ends the process: a
   * group that silently stands still would be worse.
   */
  onFailure?: (group: string, error: unknown) => void;
  /** For tests: what a group is given of each event; repeat it, or lose it by giving nothing. */
  deliveries?: (event: RecordedEvent) => readonly RecordedEvent[];
};

type Waiter = { position: number; resolve: () => void; reject: (error: Error) => void };

const CONCURRENCY = 32;
/** A crash repeats no more than this. */
const SAVE_EVERY_MS = 200;
const SAVE_EVERY_STEPS = 500;

/** Delivers straight from the log by position: each event is written once, and a crash repeats what was under way. */
export class EmbeddedBus implements EventBus {
  readonly parked: ParkedKeys;
  private readonly groups = new Map<string, ConsumerGroup>();
  private readonly context: GroupContext;
  private readonly following: Promise<void>[] = [];
  private readonly waiters = new Map<string, Set<Waiter>>();
  private readonly failures = new Map<string, Error>();
  /** Checkpoints that have moved since they were last saved. */
  private readonly unsaved = new Map<string, number>();
  private readonly stopping = new AbortController();
  private steps = 0;
  private saving: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    options: EmbeddedBusOptions,
    private readonly state: BusState,
  ) {
    // Every pause of every key listens to it.
    setMaxListeners(0, this.stopping.signal);
    const onFailure = options.onFailure ?? endProcess;
    this.context = {
      store: options.store,
      state,
      now: options.now,
      pause: (ms) => this.pause(ms, options.sleep),
      retry: { ...DEFAULT_RETRY, ...options.retry },
      deliveries: options.deliveries ?? ((event) => [event]),
      closing: this.stopping.signal,
      onProgress: (group, position) => this.moved(group, position),
      onHandlingFailure: (failure) => options.onHandlingFailure?.(failure),
      onFailure: (group, error) => {
        this.failed(group, error);
        onFailure(group, error);
      },
    };
    this.parked = new ParkedKeys(this.groups, this.context);
  }

  async subscribe(group: string, handler: EventHandler, options: SubscribeOptions = {}): Promise<void> {
    if (this.closing) throw closedError();
    if (this.groups.has(group)) throw new PermanentError(`the consumer group ${group} has subscribed already`);
    const consumer = new ConsumerGroup(group, handler, { concurrency: CONCURRENCY, ...options }, this.context);
    this.groups.set(group, consumer);
    this.following.push(consumer.follow().catch((error: unknown) => this.context.onFailure(group, error)));
  }

  async handled(group: string, position: number, signal?: AbortSignal): Promise<void> {
    const failure = this.failures.get(group) ?? (this.closing ? closedError() : undefined);
    const consumer = this.groups.get(group);
    if (!consumer) throw new PermanentError(`no consumer group "${group}" runs here`);
    if (consumer.position >= position) return;
    if (failure) throw failure;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiters = this.waiters.get(group) ?? new Set();
      this.waiters.set(group, waiters);
      const settle = (end: () => void): void => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
        end();
      };
      const abort = (): void => waiter.reject(signal?.reason as Error);
      const waiter: Waiter = {
        position,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      waiters.add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...[...this.groups.values()].map((group) => group.idle()), this.parked.idle()]);
    await Promise.all(this.following);
    this.save();
    for (const group of this.groups.keys()) this.rejectWaiters(group, closedError());
    this.state.close();
  }

  private moved(group: string, position: number): void {
    this.unsaved.set(group, position);
    this.steps += 1;
    if (this.steps >= SAVE_EVERY_STEPS) this.save();
    else this.saving ??= setTimeout(() => this.save(), SAVE_EVERY_MS).unref();
    for (const waiter of this.waiters.get(group) ?? []) if (waiter.position <= position) waiter.resolve();
  }

  private save(): void {
    clearTimeout(this.saving);
    this.saving = undefined;
    this.steps = 0;
    if (this.unsaved.size === 0) return;
    try {
      this.state.saveCheckpoints(this.unsaved);
      this.unsaved.clear();
    } catch (error) {
      for (const group of this.unsaved.keys()) this.context.onFailure(group, error);
    }
  }

  private async pause(ms: number, sleep: EmbeddedBusOptions['sleep']): Promise<void> {
    try {
      await sleep(ms, this.stopping.signal);
    } catch (error) {
      if (!this.stopping.signal.aborted) throw error;
    }
  }

  private failed(group: string, error: unknown): void {
    const failure = error instanceof Error ? error : new PermanentError(String(error));
    this.failures.set(group, failure);
    this.rejectWaiters(group, failure);
  }

  private rejectWaiters(group: string, error: Error): void {
    for (const waiter of this.waiters.get(group) ?? []) waiter.reject(error);
  }
}

const closedError = (): PermanentError => new PermanentError('the bus is closed');

const endProcess = (_group: string, error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

export const createEmbeddedBus = async (options: EmbeddedBusOptions): Promise<EmbeddedBus> =>
  new EmbeddedBus(options, new BusState(options.directory));
