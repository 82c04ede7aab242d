import { describe, expect, it } from '@jest/globals';
import type { Plan } from '@foldline/contracts';
import * as fc from 'fast-check';
import { pipelineContext, plan, type JobSketch } from '../testing/plan-builder.ts';
import { kept, recount } from '../testing/recount.ts';
import { pipelineDecider, type PipelineCommand } from './pipeline.decider.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';
import { isOptional, isSettled, type JobState } from './pipeline.state.ts';

const GOES_ON: ReadonlySet<string> = new Set(['delayed', 'awaiting', 'queued', 'assigned', 'finishing', 'triggered']);
const RUNS = 600;
const MAXIMUM_STEPS = 300;

/** What happens next, as numbers: which job it is about, and what it is. Meaningful for every plan and state. */
type Happening = { kind: number; job: number; outcome: number };

const sketches = fc
  .array(
    fc.record({
      when: fc.constantFrom('on_success', 'on_success', 'on_success', 'on_failure', 'always', 'manual', 'delayed'),
      allowFailure: fc.boolean(),
      interruptible: fc.boolean(),
      retries: fc.integer({ min: 0, max: 2 }),
      environment: fc.boolean(),
      grouped: fc.boolean(),
      starts: fc.option(fc.constantFrom('nothing more', 'depend' as const, 'mirror' as const), {
        nil: undefined,
        freq: 3,
      }),
      stage: fc.nat({ max: 3 }),
      needs: fc.option(fc.array(fc.nat(), { maxLength: 3 }), { nil: undefined, freq: 2 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((jobs) =>
    jobs
      .toSorted((a, b) => a.stage - b.stage)
      .map(({ when, stage, retries, environment, grouped, starts, needs, ...rest }, index): JobSketch => {
        const before = needs && index > 0 ? needs.map((n) => `job ${n % index}`) : needs && [];
        return {
          ...rest,
          name: `job ${index}`,
          when: when as NonNullable<JobSketch['when']>,
          stage: `stage ${stage}`,
          retry: { max: retries, when: ['always'] },
          ...(grouped ? { resourceGroup: 'production' } : {}),
          ...(starts === undefined ? {} : { trigger: triggerOf(starts) }),
          ...(environment ? { environment: { name: 'production' } } : {}),
          ...(before ? { needs: before } : {}),
        };
      }),
  );

const triggerOf = (starts: 'nothing more' | 'depend' | 'mirror'): NonNullable<JobSketch['trigger']> => ({
  of: { kind: 'child', include: [{ local: 'child.yml' }], line: 1, column: 1 },
  forward: { yamlVariables: true, pipelineVariables: false },
  ...(starts === 'nothing more' ? {} : { strategy: starts }),
});

const autoCancels = fc.record({
  onNewCommit: fc.constantFrom('conservative' as const, 'interruptible' as const, 'none' as const),
  onJobFailure: fc.constantFrom('all' as const, 'none' as const, 'none' as const),
});

const happenings = fc.array(
  fc.record({ kind: fc.nat({ max: 99 }), job: fc.nat({ max: 1000 }), outcome: fc.nat({ max: 99 }) }),
  { maxLength: 120 },
);

describe('Whatever happens to a pipeline', () => {
  it('its figures stay right, its rules hold, and it does not get stuck', () => {
    fc.assert(
      fc.property(sketches, happenings, autoCancels, fc.boolean(), (jobs, news, autoCancel, cancelledFirst) => {
        const simulation = new Simulation({ ...plan(...jobs), autoCancel });
        if (cancelledFirst && news.length % 9 === 0)
          simulation.does({ type: 'CancelPipeline', pipelineId: 'p1', by: 'ada' });
        simulation.starts();
        for (const happening of news) simulation.goesOn(happening);
        simulation.settles();
        simulation.isWhatItsEventsSay();
      }),
      { numRuns: RUNS },
    );
  });
});

class Simulation {
  private readonly state = pipelineDecider.initialState();
  private readonly events: PipelineEvent[] = [];
  private readonly rules = new Rules();

  constructor(private readonly plan: Plan) {}

  starts(): void {
    this.does({ type: 'StartPipeline', context: pipelineContext(), plan: this.plan });
  }

  /** One thing happens: mostly progress, sometimes late, repeated or foreign news, or somebody steps in. */
  goesOn({ kind, job: n, outcome }: Happening): void {
    const job = this.state.jobs[n % this.state.jobs.length]!;
    const { id: jobId, attempt } = job;
    const by = 'ada';
    if (kind < 3) return this.does({ type: 'CancelPipeline', pipelineId: 'p1', by });
    if (kind < 10) return this.does({ type: 'RetryJob', jobId, by });
    if (kind < 18) return this.does({ type: 'PlayJob', jobId, by });
    if (kind < 24) return this.does({ type: 'PreemptJob', jobId, attempt });
    if (kind < 30) return this.does(finish(job, outcome, Math.max(1, attempt - 1)));
    if (kind < 34) return this.does({ type: 'RecordCommit', jobId, commitId: `zip ${attempt - 1}`, accepted: false });
    if (kind < 38) return this.does({ type: 'ReturnJob', jobId, attempt: attempt - (outcome % 2), detail: '' });
    if (kind < 40) return this.does(superseding(outcome));
    if (kind < 44)
      return this.does({ type: 'FollowDownstream', jobId, attempt: attempt - (outcome % 2), became: 'reopened' });
    this.advance(this.waiting()[n % Math.max(1, this.waiting().length)], outcome);
  }

  /** No more trouble: everything that waits for a runner gets one and ends well. */
  settles(): void {
    for (let steps = 0; steps < MAXIMUM_STEPS; steps += 1) {
      const [next] = this.waiting();
      if (!next) break;
      this.advance(next, 0);
    }
    expect(this.waiting()).toEqual([]);
    const { phase, blocking, jobs } = this.state;
    const unfinished = jobs.filter((job) => !isSettled(job) && !isOptional(job)).map(({ status }) => status);
    if (phase === 'finished') expect(unfinished).toEqual([]);
    else expect({ blocked: this.rules.blocked, held: blocking.size > 0 }).toEqual({ blocked: true, held: true });
  }

  isWhatItsEventsSay(): void {
    expect(this.state).toEqual(this.events.reduce(pipelineDecider.evolve, pipelineDecider.initialState()));
  }

  /** Gives a command, checks what must hold after it, and gives it again when that must change nothing. */
  does(command: PipelineCommand): void {
    const waitBelow = this.state.jobs.filter(({ status }) => status === 'triggered').map(({ id }) => id);
    const decided = pipelineDecider.decide(command, this.state);
    if (command.type === 'SupersedePipeline') leavesWhatIsBelow(decided, waitBelow);
    this.events.push(...decided);
    for (const event of decided) this.rules.check(event);
    if (this.state.phase === 'new') return;
    expect(kept(this.state)).toEqual(recount(this.state));
    expect(pipelineDecider.decide(command, this.state)).toEqual([]);
  }

  private waiting(): JobState[] {
    return this.state.jobs.filter(({ status }) => GOES_ON.has(status));
  }

  private advance(job: JobState | undefined, outcome: number): void {
    if (!job) return;
    const { id: jobId, attempt } = job;
    if (job.status === 'delayed') this.does({ type: 'StartDelayedJob', jobId });
    else if (job.status === 'awaiting') this.does({ type: 'GrantResource', jobId, attempt, group: 'production' });
    else if (job.status === 'queued') {
      const cluster = { id: 'local', power: 'low-power' };
      this.does({ type: 'AssignJob', jobId, attempt, runnerId: 'runner-1', cluster, detail: '' });
    } else if (job.status === 'triggered') this.does(news(job, outcome));
    else if (job.status === 'assigned') this.does(finish(job, outcome, attempt));
    else this.does({ type: 'RecordCommit', jobId, commitId: `zip ${attempt}`, accepted: outcome % 5 !== 4 });
  }
}

/** What becomes of a pipeline that a job has started; that it began is no end for all of them. */
const news = ({ id: jobId, attempt, planned }: JobState, outcome: number): PipelineCommand => {
  const ends = ['success', 'success', 'failed', 'timed_out', 'cancelled', 'skipped', 'refused'] as const;
  const became = planned.trigger!.strategy ? ends[outcome % 7]! : outcome % 2 === 0 ? 'started' : 'refused';
  return { type: 'FollowDownstream', jobId, attempt, became };
};

const superseding = (outcome: number): PipelineCommand => {
  const command = { type: 'SupersedePipeline', pipelineId: 'p1', by: 'p2' } as const;
  return outcome % 2 === 0 ? command : { ...command, fromAbove: true };
};

const finish = ({ id: jobId }: JobState, outcome: number, attempt: number): PipelineCommand => ({
  type: 'FinishAttempt',
  jobId,
  attempt,
  outcome: (['success', 'success', 'success', 'failed', 'timed_out', 'cancelled', 'lost'] as const)[outcome % 7]!,
  commits: outcome % 3 === 0 ? [`zip ${attempt}`] : [],
});

/** Whatever makes a pipeline redundant: those below it decide for themselves, and who waits for one goes on waiting. */
const leavesWhatIsBelow = (decided: readonly PipelineEvent[], waitBelow: readonly string[]): void => {
  for (const event of decided) {
    if (event.type === 'DownstreamStopRequested') expect(event.data.supersededBy).toBe('p2');
    if (event.type === 'JobCancelled') expect(waitBelow).not.toContain(event.data.jobId);
  }
};

/** What the events of one pipeline must never say, whatever order they come in. */
class Rules {
  blocked = false;
  private cancelling = false;
  private readonly ended = new Set<string>();
  private readonly attempts = new Map<string, { attempt: number; open: boolean }>();
  /** Those that hold or want their resource group. */
  private readonly grouped = new Set<string>();

  check(event: PipelineEvent): void {
    switch (event.type) {
      case 'PipelineCancelling':
        this.cancelling = true;
        return;
      case 'PipelineReopened':
        this.cancelling = false;
        return;
      case 'PipelineBlocked':
        expect(this.blocked).toBe(false);
        this.blocked = true;
        return;
      case 'JobAwaitsResource':
        this.blocked = false;
        expect(this.grouped.has(event.data.jobId)).toBe(false);
        this.grouped.add(event.data.jobId);
        return this.begins(event.data);
      case 'JobLeftResource':
        this.grouped.delete(event.data.jobId);
        return;
      case 'JobQueued':
        this.blocked = false;
        // The attempt was opened when it asked for its resource group, and not granted before that.
        if (this.isOpen(event.data)) return expect(this.cancelling).toBe(false);
        return this.begins(event.data);
      case 'JobAssigned':
        expect(this.cancelling).toBe(false);
        expect(this.attempts.get(event.data.jobId)).toEqual({ attempt: event.data.attempt, open: true });
        return;
      case 'JobRetried':
        if (event.data.by === 'user') expect(this.ended.delete(event.data.jobId)).toBe(true);
        this.attemptEnds(event.data.jobId);
        return;
      case 'DownstreamRequested':
        this.blocked = false;
        if (this.isOpen(event.data)) return expect(this.cancelling).toBe(false);
        return this.begins(event.data);
      case 'DownstreamReopened':
        this.blocked = false;
        this.ended.delete(event.data.jobId);
        this.attempts.get(event.data.jobId)!.open = true;
        return;
      case 'JobSkipped':
        if (event.data.because.rule === 'trigger') return this.attemptEnds(event.data.jobId);
        // Skipped again and again is one decision made anew, and never after the job has run and ended.
        expect(this.attempts.get(event.data.jobId)?.open ?? false).toBe(false);
        return;
      case 'JobCancelled':
        // One of those that a pipeline waited for may be cancelled alone; then it waits for others.
        this.blocked = false;
        return this.ends(event.data.jobId);
      case 'JobSucceeded':
        return this.ends(event.data.jobId);
      case 'JobFailed':
        if (event.data.final) this.ends(event.data.jobId);
    }
  }

  private isOpen({ jobId, attempt }: { jobId: string; attempt: number }): boolean {
    const known = this.attempts.get(jobId);
    return known?.attempt === attempt && known.open && this.grouped.has(jobId);
  }

  private begins({ jobId, attempt }: { jobId: string; attempt: number }): void {
    expect(this.cancelling).toBe(false);
    expect(this.ended.has(jobId)).toBe(false);
    const before = this.attempts.get(jobId);
    expect(before?.open ?? false).toBe(false);
    expect(attempt).toBe((before?.attempt ?? 0) + 1);
    this.attempts.set(jobId, { attempt, open: true });
  }

  private ends(jobId: string): void {
    expect(this.ended.has(jobId)).toBe(false);
    this.ended.add(jobId);
    this.attemptEnds(jobId);
  }

  private attemptEnds(jobId: string): void {
    const current = this.attempts.get(jobId);
    if (current) current.open = false;
  }
}
