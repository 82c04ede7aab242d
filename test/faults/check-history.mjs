import * as attempts from './checks/attempt.checks.mjs';
import * as bytes from './checks/bytes.checks.mjs';
import * as deliveries from './checks/delivery.checks.mjs';
import * as jobs from './checks/job.checks.mjs';
import * as log from './checks/log.checks.mjs';
import * as requests from './checks/request.checks.mjs';

/** Every rule by its name. A check is given the history of a run and answers with one sentence for each violation. */
export const CHECKS = { ...requests, ...jobs, ...attempts, ...bytes, ...deliveries, ...log };

export const checkWith = (checks, history) =>
  Object.entries(checks).flatMap(([rule, check]) => check(history).map((message) => ({ rule, message })));

/** What is wrong with a history: `{ rule, message }` for each violation, nothing when every promise was kept. */
export const checkHistory = (history) => checkWith(CHECKS, history);
