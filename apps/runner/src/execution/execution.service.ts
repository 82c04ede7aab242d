import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  AttemptFinished,
  type AttemptStarted,
  attemptIdOf,
  attemptStream,
  jobOfAttempt,
  parseJobId,
  type JobStopRequested,
  type Recorded,
} from '@foldline/contracts';
import { COMMANDS, PORT, Slots, TransientError, type Cause, type Commands, type Ports } from '@foldline/kernel';
import { Workspaces } from '../workspace/workspaces.ts';
import { RunnerLeases } from '../lease/runner-leases.service.ts';
import { attemptDecider } from './attempt.decider.ts';
import { AttemptExecution, type Assigned, type Shared } from './attempt-execution.ts';
import { AttemptStart } from './attempt-start.ts';
import { attemptsUnderWay } from './attempts-under-way.ts';
import { isStillHeld } from './lease-check.ts';
import { Seats } from './seats.ts';
import { RUNNER_PORTS } from '../runner.ports.ts';
import { ToolVersions } from '../storage/tool-versions.ts';

/**
 * Takes the jobs that are assigned to this process's runners. Taking one is recording its start; the work itself goes
 * on after the event is done with.
 */
@Injectable()
export class ExecutionService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly running = new Map<string, { attempt: AttemptExecution; done: Promise<void> }>();
  /** Assignments that are being taken right now. */
  private readonly accepting = new Map<string, Promise<void>>();
  private readonly shared: Shared;
  private whenWithoutDocker: () => Promise<void> = () => Promise.resolve();
  private readonly start: AttemptStart;
  private recovered: Promise<void> | undefined;
  private draining = false;
  private closing = false;

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(RUNNER_PORTS) private readonly ports: Ports,
    @Inject(Workspaces) private readonly workspaces: Workspaces,
    @Inject(PORT.settings) private readonly settings: Ports['settings'],
    @Inject(RunnerLeases) private readonly leases: RunnerLeases,
  ) {
    leases.onEnded((runnerId) => this.killAll(runnerId));
    this.shared = {
      seats: new Seats(),
      turns: new Slots(settings.buildWorkers),
      tools: new ToolVersions(ports.clock),
      withoutDocker: () => this.whenWithoutDocker(),
    };
    this.start = new AttemptStart(commands, ports);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.recover();
  }

  /** Whatever an earlier process of this runner left running is killed, and its attempts are reported as lost; once. */
  recover(): Promise<void> {
    return (this.recovered ??= this.endLeftovers());
  }

  private async endLeftovers(): Promise<void> {
    const begun = new Set([...(await this.workspaces.leftovers()), ...(await attemptsUnderWay(this.ports))]);
    for (const attemptId of begun) {
      await this.ports.executor.sweep(attemptId);
      await this.reportLost(attemptId);
      await this.workspaces.remove(attemptId);
    }
  }

  /** Whom attempts wait for, before they end, that found no Docker daemon. */
  onWithoutDocker(told: () => Promise<void>): void {
    this.whenWithoutDocker = told;
  }

  /** From now on nothing is begun; resolves when every start that was asked for is answered. */
  async beginNothingMore(): Promise<void> {
    this.draining = true;
    await Promise.allSettled(this.accepting.values());
  }

  /** Resolves when everything that was begun has ended and is recorded. */
  async idle(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    await Promise.allSettled(this.accepting.values());
    for (const { attempt } of this.running.values()) attempt.stop('shutdown');
    await this.idle();
    await this.workspaces.close();
  }

  async accept(event: Assigned): Promise<void> {
    const { runnerId, epoch } = event.data;
    if (!this.settings.runners.some(({ id }) => id === runnerId)) return;
    const standing = this.leases.standing(runnerId, epoch);
    // The scheduler gives it to others, and perhaps to this runner again.
    if (standing === 'ended') return;
    if (this.leases.letsGo(runnerId, epoch)) return this.letGo(event);
    if (this.draining || this.closing)
      throw new TransientError('this runner is being stopped; whether the job goes to others is not known yet');
    if (standing === 'unsure') throw new TransientError('whether this runner still has its lease is not known yet');
    const attemptId = attemptIdOf(event.data.jobId, event.data.attempt);
    // Given twice at once is taken once: a start that is found to be this process's own is carried out.
    const accepted = this.accepting.get(attemptId) ?? this.take(event, attemptId);
    this.accepting.set(attemptId, accepted);
    try {
      await accepted;
    } finally {
      this.accepting.delete(attemptId);
    }
  }

  stop({ data }: Recorded<ReturnType<typeof JobStopRequested>>): void {
    this.running.get(attemptIdOf(data.jobId, data.attempt))?.attempt.stop('cancelled');
  }

  /** Others do it. A start whose answer was lost may still have been stored, and nobody else would report its end. */
  private async letGo(event: Assigned): Promise<void> {
    const attemptId = attemptIdOf(event.data.jobId, event.data.attempt);
    if (this.running.has(attemptId) || !(await this.start.wasOwn(event))) return;
    await this.reportLost(attemptId, 'the runner was being stopped when it began');
  }

  private async take(event: Assigned, attemptId: string): Promise<void> {
    if (this.running.has(attemptId)) return;
    const { image } = event.data.job;
    if (image !== undefined) this.ports.executor.expect?.(attemptId, image);
    if (!(await this.start.isPossible(event))) return;
    // The directory comes before the start: it is how a later process finds what this one had begun.
    this.workspaces.reserve(attemptId);
    if (!(await this.start.record(event))) return;
    const cause = this.start.causeOf(event);
    const execution = new AttemptExecution(event, this.ports, this.workspaces, this.shared, this.commands, cause);
    // What is not held now was perhaps given to others, before the start was stored.
    if (!(await isStillHeld(event.data, this.leases, this.ports, () => this.closing))) execution.stop('lease_lost');
    const done = this.carryOut(execution);
    this.running.set(attemptId, { attempt: execution, done });
  }

  /** Without its lease a runner must not work: by and by others do what it was given. */
  private killAll(runnerId: string): void {
    for (const { attempt } of this.running.values()) if (attempt.runnerId === runnerId) attempt.stop('lease_lost');
  }

  private async carryOut(execution: AttemptExecution): Promise<void> {
    try {
      await execution.carryOut();
    } catch (error) {
      this.ports.logger.error(
        { err: error, attemptId: execution.attemptId },
        'the end of an attempt could not be recorded',
      );
    } finally {
      this.running.delete(execution.attemptId);
    }
  }

  private async reportLost(attemptId: string, detail = 'the runner’s process died while it ran'): Promise<void> {
    const jobId = jobOfAttempt(attemptId);
    const job = parseJobId(jobId);
    const stream = attemptStream(attemptId);
    const { phase } = await this.commands.stateOf(stream, attemptDecider);
    if (phase !== 'started' || !job) return;
    const [started] = await this.ports.eventStore.readStream(stream, 0, 1);
    const { runnerId, attempt } = started!.data as ReturnType<typeof AttemptStarted>['data'];
    const finished = AttemptFinished({
      attemptId,
      pipelineId: job.pipelineId,
      jobId,
      attempt,
      runnerId,
      outcome: 'lost',
      reason: 'runner_lost',
      detail,
      durationMs: Math.max(0, Date.parse(this.ports.clock.now()) - Date.parse(started!.recordedAt)),
      commits: [],
    });
    const cause: Cause = {
      id: `lost:${attemptId}`,
      correlationId: job.pipelineId,
      actor: { kind: 'runner', id: runnerId },
    };
    await this.commands.handle(stream, attemptDecider, { type: 'FinishAttempt', facts: [], finished }, cause);
  }
}
