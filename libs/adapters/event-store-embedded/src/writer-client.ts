import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { RecordedEvent } from '@foldline/contracts';
import { DamagedLog, PermanentError, TransientError } from '@foldline/kernel';
import type { AppendRequest } from './append-request.ts';
import type { AppendReply } from './log-writer.ts';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages.ts';
import { eventsOf } from './stored-events.ts';

export type Answered = { reply: AppendReply; events: RecordedEvent[] };

type Waiting<Value> = { resolve: (value: Value) => void; reject: (error: Error) => void };
type Pending = Waiting<Answered> & { request: AppendRequest };

/** Appends that may wait for the writer at once. */
const MAXIMUM_PENDING = 50_000;
const ANY_STREAM = '*';

// The writer runs as compiled JavaScript also where this file itself runs from source.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../dist/writer.worker.js' : './writer.worker.js',
  import.meta.url,
);

/** The main thread's side of the writer: sends appends in groups and hands out what became of each. */
export class WriterClient {
  readonly opened: Promise<{ storeId: string; epoch: number }>;
  private readonly port: MessagePort;
  private readonly wake: Int32Array;
  private readonly ended: Promise<void>;
  private readonly pending = new Map<number, Pending>();
  private readonly indexing: Waiting<void>[] = [];
  private unsent: AppendRequest[] = [];
  private opening: Waiting<{ storeId: string; epoch: number }> | undefined;
  private broken: Error | undefined;

  /** `onStored` sees every stored event once, in order of position, before its append is answered. */
  constructor(
    start: Pick<WriterStart, 'path' | 'now' | 'maximumBytes'>,
    private readonly onStored: (events: readonly RecordedEvent[], size: number) => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    const wake = new SharedArrayBuffer(4);
    this.port = port1;
    this.wake = new Int32Array(wake);
    this.opened = new Promise((resolve, reject) => {
      this.opening = { resolve, reject };
    });
    port1.on('message', (message: FromWriter) => this.receive(message));
    const workerData: WriterStart = { ...start, port: port2, wake };
    const worker = new Worker(WORKER, { workerData, transferList: [port2], execArgv: [] });
    worker.on('error', (error) => this.fail(new PermanentError(`the writer of the event log died: ${error.message}`)));
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    this.ended = new Promise<void>((resolve) => {
      // Comes behind the last message, where the end of the thread may overtake it.
      port1.once('close', () => {
        this.fail(new PermanentError('the event log is closed'));
        void exited.then(() => resolve());
      });
    });
  }

  append(request: AppendRequest): Promise<Answered> {
    if (this.broken) return Promise.reject(this.broken);
    if (this.pending.size >= MAXIMUM_PENDING) {
      return Promise.reject(new TransientError(`${MAXIMUM_PENDING} appends are waiting for the event log already`));
    }
    // The tick queue runs when all promise jobs are done, so whatever they append goes in one message.
    if (this.unsent.length === 0) process.nextTick(() => this.sendAppends());
    this.unsent.push(request);
    return new Promise((resolve, reject) => {
      this.pending.set(request.key, { request, resolve, reject });
    });
  }

  indexCategories(): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.indexing.push({ resolve, reject });
      this.send({ kind: 'index-categories' });
    });
  }

  /** Resolves when everything appended before is answered and the log is closed. */
  async close(): Promise<void> {
    this.sendAppends();
    this.send({ kind: 'close' });
    await this.ended;
  }

  private sendAppends(): void {
    const requests = this.unsent;
    if (requests.length === 0) return;
    this.unsent = [];
    this.send({ kind: 'append', requests });
  }

  private send(message: ToWriter): void {
    this.port.postMessage(message, []);
    Atomics.store(this.wake, 0, 1);
    Atomics.notify(this.wake, 0);
  }

  private receive(message: FromWriter): void {
    switch (message.kind) {
      case 'ready':
        return this.opening?.resolve(message);
      case 'replies':
        return this.answer(message.replies);
      case 'indexed':
        return this.indexing.shift()?.resolve();
      case 'busy':
        for (const key of message.keys) this.take(key).reject(new TransientError(message.message));
        return;
      case 'broken':
        return this.fail(brokenBy(message));
      case 'closed':
        return this.fail(new PermanentError('the event log is closed'));
    }
  }

  private answer(replies: readonly AppendReply[]): void {
    const stored: RecordedEvent[] = [];
    let size = 0;
    const answered = replies.map((reply) => {
      const pending = this.take(reply.key);
      const events = reply.outcome === 'stored' ? eventsOf(pending.request, reply) : [];
      if (events.length > 0) size += pending.request.size;
      for (const event of events) stored.push(event);
      return { pending, reply, events };
    });
    if (stored.length > 0) this.onStored(stored, size);
    for (const { pending, reply, events } of answered) pending.resolve({ reply, events });
  }

  private take(key: number): Pending {
    const pending = this.pending.get(key);
    if (!pending) throw new Error(`the writer answered append ${key}, which nobody made`);
    this.pending.delete(key);
    return pending;
  }

  private fail(error: Error): void {
    this.broken ??= error;
    const failed = [...this.pending.values(), ...this.indexing, ...(this.opening ? [this.opening] : [])];
    this.pending.clear();
    this.indexing.length = 0;
    // Settled long ago where the log had been opened; rejecting it again changes nothing.
    for (const { reject } of failed) reject(this.broken);
  }
}

const brokenBy = ({ failure, message }: Extract<FromWriter, { kind: 'broken' }>): Error => {
  if (failure === 'corrupt') return new DamagedLog(ANY_STREAM, 0, message);
  return new PermanentError(`the event log cannot be written and is read-only until it is opened anew: ${message}`);
};
