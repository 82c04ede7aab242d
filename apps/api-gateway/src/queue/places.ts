import type { RunnerRequirements } from '@foldline/contracts';
import { addLoad, type QueueRules, type RunnerState } from '@foldline/kernel';

/** What a job on a runner takes. */
export type Taken = { projectId: string; runnerId: string; requirements: RunnerRequirements };
/** When it is given back, in so many milliseconds, as is told from so many runs; nobody knows when at Infinity. */
export type End = Taken & { at: number; runs: number };

/** What is taken of runners, by which projects, and when it is given back. */
export class Places {
  readonly runners: readonly RunnerState[];
  private readonly byId: ReadonlyMap<string, RunnerState>;
  private readonly busy = new Map<string, number>();
  /** The next one last; of equals the one that came first. */
  private readonly ends: End[] = [];

  constructor(
    runners: readonly Pick<RunnerState, 'id' | 'epoch' | 'offer'>[],
    private readonly rules: QueueRules,
  ) {
    const idle = { slots: 0, cpu: 0, memoryBytes: 0, diskBytes: 0 };
    this.runners = runners.map((runner) => ({ ...runner, used: { ...idle } }));
    this.byId = new Map(this.runners.map((runner) => [runner.id, runner]));
  }

  /** Jobs that the project has on runners. */
  readonly running = (projectId: string): number => this.busy.get(projectId) ?? 0;

  take(end: End): void {
    this.change(end, 1);
    let [from, to] = [0, this.ends.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.ends[middle]!.at > end.at) from = middle + 1;
      else to = middle;
    }
    this.ends.splice(from, 0, end);
  }

  /** The next job ends; answers with it and with the runners that may now take one that they could not. */
  leave(): { end: End; free: readonly RunnerState[] } | undefined {
    const end = this.ends.pop();
    if (!end) return undefined;
    const wasFull = this.running(end.projectId) >= this.rules.projectLimit;
    this.change(end, -1);
    const runner = this.byId.get(end.runnerId);
    // A project that may have one more may have it anywhere.
    return { end, free: wasFull ? this.runners : runner ? [runner] : [] };
  }

  private change({ projectId, runnerId, requirements }: Taken, by: 1 | -1): void {
    this.busy.set(projectId, this.running(projectId) + by);
    const runner = this.byId.get(runnerId);
    if (runner) addLoad(runner.used, requirements, by);
  }
}
