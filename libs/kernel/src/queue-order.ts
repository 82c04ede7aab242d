import type { QueueRules } from './ports/ports.ts';

/** What the settings say where nobody has said anything. */
export const QUEUE_RULES: QueueRules = { priorityMs: 5 * 60_000, runningMs: 60_000, projectLimit: Infinity };

/** `queuedAt`: milliseconds since 1970. `position`: in the log, where it was queued; the earlier goes first among equals. */
type Ordered = { queuedAt: number; priority: number; position: number };

/** The smaller goes first. It does not change with time: jobs that wait grow older together. */
export const rankOf = ({ queuedAt, priority }: Ordered, { priorityMs }: QueueRules): number =>
  queuedAt - priority * priorityMs;

/** The same for the first job of a project that has so many jobs on runners; over all projects the smallest goes first. */
export const headRankOf = (job: Ordered, running: number, rules: QueueRules): number =>
  rankOf(job, rules) + running * rules.runningMs;

/** Of first jobs of projects: negative when the first goes before the second; the rank is `headRankOf`. */
export const compareHeads = <Job extends Ordered>(
  a: { job: Job; rank: number },
  b: { job: Job; rank: number },
): number => a.rank - b.rank || a.job.position - b.job.position;

/** Of jobs of one project: negative when the first goes before the second. */
export const compareInProject = (a: Ordered, b: Ordered, rules: QueueRules): number =>
  rankOf(a, rules) - rankOf(b, rules) || a.position - b.position;
