import { compareHeads, matchRunner, rankOf, type QueueRules, type RunnerState } from '@foldline/kernel';
import type { Estimate } from './estimate.ts';
import { lineUp, type Line, type WaitingJob } from './lines.ts';
import { Places, type Taken } from './places.ts';

/** A job on a runner; `left` is absent where nothing is known of how long it will run. */
export type RunningJob = Taken & { left?: Estimate | undefined };

export type Turn = {
  /** 1 is next. */
  position: number;
  /**
   * In so many milliseconds, when so many jobs have ended, of which so many earlier runs tell how long they take. Absent
   * where it depends on others, and where a runner is free now.
   */
  start?: { inMs: number; jobs: number; runs: number };
};

type Given = {
  waiting: readonly WaitingJob[];
  running: readonly RunningJob[];
  /** Those that jobs are given to. */
  runners: readonly Pick<RunnerState, 'id' | 'offer'>[];
  rules: QueueRules;
};

/**
 * In which order the waiting jobs will have their turns, and when, if all take as long as those like them before: the
 * scheduler's rules, played ahead. Jobs of which nobody knows how long they run hold their places until all others have
 * ended, so what depends on them has a position and no time. Jobs that no runner takes come last. What will come later,
 * and jobs that are stopped for others, are not foreseen.
 *
 * For each job that waits or runs it looks at each project that waits and at each kind of requirements.
 */
export const forecast = ({ waiting, running, runners, rules }: Given): Map<string, Turn> => {
  const places = new Places(runners, rules);
  for (const { left, ...job } of running) places.take({ ...job, at: left?.ms ?? Infinity, runs: left?.runs ?? 0 });
  const lines = lineUp(waiting, rules);
  const turns = new Map<string, Turn>();
  const passed = { inMs: 0, jobs: 0, runs: 0 };
  const turn = (): Turn => ({
    position: turns.size + 1,
    ...(passed.jobs > 0 && Number.isFinite(passed.inMs) && { start: { ...passed } }),
  });
  for (let free = places.runners; ;) {
    const next = nextOf(lines, free, places);
    if (next) {
      const { id, projectId, requirements, lasts } = next.job;
      turns.set(id, turn());
      const at = passed.inMs + (lasts?.ms ?? Infinity);
      places.take({ projectId, runnerId: next.runnerId, requirements, at, runs: lasts?.runs ?? 0 });
      continue;
    }
    const left = turns.size < waiting.length ? places.leave() : undefined;
    if (!left) break;
    passed.inMs = left.end.at;
    passed.jobs += 1;
    passed.runs += left.end.runs;
    free = left.free;
  }
  const never = lines.flatMap(({ jobs }) => jobs).toSorted((a, b) => rankOf(a, rules) - rankOf(b, rules));
  for (const { id } of never) turns.set(id, { position: turns.size + 1 });
  return turns;
};

/** The best job that fits one of these runners, taken out of its line. */
const nextOf = (
  lines: readonly Line[],
  free: readonly RunnerState[],
  { running }: Places,
): { job: WaitingJob; runnerId: string } | undefined => {
  if (free.length === 0) return undefined;
  for (const { job, line } of lines.flatMap((each) => each.head(running) ?? []).toSorted(compareHeads)) {
    const runner = matchRunner(line.requirements, line.highPowerAllowed, free);
    if (!runner) continue;
    line.take(job);
    return { job, runnerId: runner.id };
  }
  return undefined;
};
