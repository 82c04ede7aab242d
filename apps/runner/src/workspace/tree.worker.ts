import { parentPort, workerData } from 'node:worker_threads';
import { TreePool, type TreeOperation } from './tree-pool.ts';

export type TreeRequest = { id: number; operation: TreeOperation };
export type TreeReply = { id: number; error?: { code: string | undefined; message: string } };

const pool = new TreePool((workerData as { directory: string }).directory);

/** Walks trees beside the server's own thread: copying and removing block, and a job must not hold up the others. */
parentPort!.on('message', ({ id, operation }: TreeRequest) => {
  try {
    pool.perform(operation);
    parentPort!.postMessage({ id } satisfies TreeReply);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    parentPort!.postMessage({ id, error: { code, message } } satisfies TreeReply);
  }
});
