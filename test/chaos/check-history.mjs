import { CHECKS as SHARED, checkWith } from '../faults/check-history.mjs';
import * as topic from './checks/topic.checks.mjs';
import * as viewers from './checks/viewers.checks.mjs';

/** What holds for one process holds for many; and then there is what lies between them. */
export const CHECKS = { ...SHARED, ...topic, ...viewers };

export const checkHistory = (history) => checkWith(CHECKS, history);
