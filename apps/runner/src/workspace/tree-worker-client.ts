import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TransientError, fromSystemError } from '@foldline/kernel';
import type { TreeReply, TreeRequest } from './tree.worker.ts';
import type { TreeOperation } from './tree-pool.ts';

type Pending = { resolve: () => void; reject: (error: Error) => void };

// From source (tests) the built worker is used: node cannot run TypeScript.
const built = import.meta.url.endsWith('.ts') ? '../../dist/workspace/tree.worker.js' : './tree.worker.js';
const workerPath = fileURLToPath(new URL(built, import.meta.url));
/** An upper limit, not what it takes: room for what the pool may remember, and for workspaces of large repositories in use. */
const HEAP = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 };

/** The client of the worker thread that copies and removes workspaces, one after the other. Started when first needed. */
export class TreeWorkerClient {
  private worker: Worker | undefined;
  private nextId = 0;
  private readonly pending = new Map<number, Pending>();

  constructor(private readonly directory: string) {}

  perform(operation: TreeOperation): Promise<void> {
    const id = this.nextId++;
    const done = new Promise<void>((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.running().postMessage({ id, operation } satisfies TreeRequest);
    return done;
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private running(): Worker {
    if (this.worker) return this.worker;
    const worker = new Worker(workerPath, { resourceLimits: HEAP, workerData: { directory: this.directory } });
    worker.on('message', ({ id, error }: TreeReply) => {
      const pending = this.pending.get(id);
      this.pending.delete(id);
      if (error)
        pending?.reject(fromSystemError(Object.assign(new Error(error.message), error), 'prepare a workspace'));
      else pending?.resolve();
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
      reject(new TransientError('the worker that prepares workspaces failed', { cause }));
  }
}
