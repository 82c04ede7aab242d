import type { Trigger } from './select-jobs.ts';

/** What a plan can be asked for, and what its pipeline would call that. */
export const SOURCE_OF_EVENT = {
  push: 'push',
  tag: 'push',
  merge_request: 'merge_request_event',
  schedule: 'schedule',
  api: 'api',
  web: 'web',
} as const satisfies Record<string, Trigger['source']>;

export type PlanEvent = keyof typeof SOURCE_OF_EVENT;
export const PLAN_EVENTS = Object.keys(SOURCE_OF_EVENT) as PlanEvent[];
