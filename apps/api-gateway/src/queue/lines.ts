import type { RunnerRequirements } from '@foldline/contracts';
import { compareHeads, compareInProject, headRankOf, type QueueRules } from '@foldline/kernel';
import type { Estimate } from './estimate.ts';

/** A job that waits for a runner; `lasts` is absent where nothing is known of how long it will run. */
export type WaitingJob = {
  id: string;
  projectId: string;
  priority: number;
  /** Milliseconds since 1970. */
  queuedAt: number;
  /** In the log. */
  position: number;
  requirements: RunnerRequirements;
  highPowerAllowed: boolean;
  lasts?: Estimate | undefined;
};

type Head = { job: WaitingJob; rank: number; line: Line };

/** Waiting jobs that ask the same of a runner, by project; of each the first one is at the end of its list. */
export class Line {
  private readonly projects = new Map<string, WaitingJob[]>();

  constructor(
    readonly requirements: RunnerRequirements,
    readonly highPowerAllowed: boolean,
    private readonly rules: QueueRules,
  ) {}

  /** A job that goes before all of its project that are here. */
  putFirst(job: WaitingJob): void {
    const jobs = this.projects.get(job.projectId);
    if (jobs) jobs.push(job);
    else this.projects.set(job.projectId, [job]);
  }

  /** The job that goes first; `running` tells how many jobs a project has on runners. */
  head(running: (projectId: string) => number): Head | undefined {
    let best: Head | undefined;
    for (const [projectId, jobs] of this.projects) {
      const busy = running(projectId);
      if (busy >= this.rules.projectLimit) continue;
      const job = jobs.at(-1)!;
      const head = { job, rank: headRankOf(job, busy, this.rules), line: this };
      if (!best || compareHeads(head, best) < 0) best = head;
    }
    return best;
  }

  /** The first job of its project leaves. */
  take({ projectId }: WaitingJob): void {
    const jobs = this.projects.get(projectId)!;
    jobs.pop();
    if (jobs.length === 0) this.projects.delete(projectId);
  }

  get jobs(): WaitingJob[] {
    return [...this.projects.values()].flat();
  }
}

/** One line for each kind of requirements. */
export const lineUp = (waiting: readonly WaitingJob[], rules: QueueRules): Line[] => {
  const lines = new Map<string, Line>();
  for (const job of waiting.toSorted((a, b) => compareInProject(b, a, rules))) {
    const { requirements, highPowerAllowed } = job;
    const name = JSON.stringify([requirements, highPowerAllowed]);
    const line = lines.get(name) ?? new Line(requirements, highPowerAllowed, rules);
    lines.set(name, line);
    line.putFirst(job);
  }
  return [...lines.values()];
};
