import type { AlertOverride, AlertRuleName } from './alert-rules.ts';
import type { Scan } from './report-documents.ts';

/** A rule has begun to hold, or holds no longer. */
export type AlertTransition = {
  /** 1, 2, 3 … of the project. */
  number: number;
  rule: AlertRuleName;
  isFiring: boolean;
  value: number;
  threshold: number;
  /** How many it was measured on. */
  count: number;
  /** RFC 3339. */
  at: string;
};

/** What rules look at, of one project: the newest of each kind, the oldest first. */
export type AlertSamples = {
  /** A letter for each job: `s` or `f`. */
  jobs: string;
  /** For each lookup: `h` or `m`. */
  lookups: string;
  /** For each pipeline of the default branch: `s` or `f`. */
  pipelines: string;
  /** Of those of them that succeeded: milliseconds. */
  tookMs: number[];
  /** Names of environments and services whose last deployment failed. */
  failing: string[];
  /** Of each scanner in each job the newest scan of the default branch. */
  scans: Scan[];
};

/** How the rules of a project stand, as far as events tell; whether many jobs wait is a matter of the moment. */
export type AlertWatchDoc = AlertSamples & {
  /** Of the project. */
  id: string;
  overrides: AlertOverride[];
  firing: AlertRuleName[];
  /** The newest. */
  transitions: AlertTransition[];
  /** How many there were. */
  count: number;
};

/** One time that a rule held. */
export type AlertDoc = {
  id: string;
  projectId: string;
  rule: AlertRuleName;
  status: 'firing' | 'resolved';
  /** When it began. */
  value: number;
  threshold: number;
  count: number;
  firedAt: string;
  resolvedAt?: string;
};
