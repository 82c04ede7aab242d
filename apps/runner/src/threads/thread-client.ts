import { Worker, type ResourceLimits } from 'node:worker_threads';
import { TransientError, fromSystemError } from '@foldline/kernel';
import type { Reply, Request } from './serve-thread.ts';

type Pending<Result> = { resolve: (result: Result) => void; reject: (error: Error) => void };
type ThreadOptions = {
  /** Path of the built program. */
  program: string;
  data?: unknown;
  /** Limits of its memory; how much it takes is another thing. */
  heap?: ResourceLimits;
  /** What could not be done when something fails: "prepare a workspace". */
  doing: string;
};

/** A thread that carries out one operation after the other. It is started when first needed, and again when it has ended. */
export class ThreadClient<Operation, Result = void> {
  private worker: Worker | undefined;
  private nextId = 0;
  private readonly pending = new Map<number, Pending<Result>>();

  constructor(private readonly options: ThreadOptions) {}

  perform(operation: Operation): Promise<Result> {
    const id = this.nextId++;
    const done = new Promise<Result>((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.running().postMessage({ id, operation } satisfies Request<Operation>);
    return done;
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private running(): Worker {
    if (this.worker) return this.worker;
    const { program, data, heap, doing } = this.options;
    const worker = new Worker(program, { workerData: data, ...(heap && { resourceLimits: heap }) });
    worker.on('message', (reply: Reply<Result>) => {
      const pending = this.pending.get(reply.id);
      this.pending.delete(reply.id);
      if ('result' in reply) pending?.resolve(reply.result);
      else pending?.reject(fromSystemError(Object.assign(new Error(reply.error.message), reply.error), doing));
    });
    worker.once('error', (error) => this.lost(worker, error));
    worker.once('exit', () => this.lost(worker, new Error('it ended')));
    // After the listeners: the first one for messages would keep the process alive again.
    worker.unref();
    this.worker = worker;
    return worker;
  }

  private lost(worker: Worker, cause: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting)
      reject(new TransientError(`the thread that was to ${this.options.doing} failed`, { cause }));
  }
}
