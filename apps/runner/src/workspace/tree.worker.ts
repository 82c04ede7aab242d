import { workerData } from 'node:worker_threads';
import { serveThread } from '../threads/serve-thread.ts';
import { TreePool, type TreeOperation } from './tree-pool.ts';

const pool = new TreePool((workerData as { directory: string }).directory);

// Copying and removing block, and a job must not hold up the others: this is done beside the server's own thread.
serveThread((operation: TreeOperation) => pool.perform(operation));
