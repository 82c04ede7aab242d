/**
 * Loaded before a process of Foldline that is itself the built one, unchanged: every event that a consumer has handled is
 * handed to it once more, up to some seconds later. Events of one key come again in their order and never two at once,
 * which is what a bus promises; between keys there is no order.
 */
import { isMainThread } from 'node:worker_threads';

const asked = process.env.SCENARIO_REPETITION;
// Jobs are told nothing of it. Threads and processes that the service starts load this as well, and are left alone.
delete process.env.SCENARIO_REPETITION;
if (asked && isMainThread) {
  const { repeatEverything } = await import('./repetition.mjs');
  await repeatEverything(JSON.parse(asked));
}
