import { fileURLToPath } from 'node:url';
import { workerData } from 'node:worker_threads';
import { serveThread } from '../threads/serve-thread.ts';
import { LayerOperations } from './layer-operations.ts';
import type { LayerOperation } from './tree-operations.ts';
import { HELPER, TwoThreads, help } from './two-threads.ts';

if (workerData === HELPER) help();
else {
  const operations = new LayerOperations(new TwoThreads(fileURLToPath(import.meta.url)));
  serveThread((operation: LayerOperation) => operations.perform(operation));
}
