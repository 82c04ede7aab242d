import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  AttemptFinished,
  AttemptStarted,
  attemptIdOf,
  attemptStream,
  jobOfAttempt,
  parseJobId,
  type JobStopRequested,
  type Recorded,
} from '@foldline/contracts';
import { COMMANDS, PORT, TransientError, type Cause, type Commands, type Ports } from '@foldline/kernel';
import { Workspaces } from '../workspace/workspaces.ts';
import { attemptDecider } from './attempt.decider.ts';
import { AttemptExecution, type Assigned } from './attempt-execution.ts';
import { attemptsUnderWay } from './attempts-under-way.ts';
import { RUNNER_PORTS } from '../runner.ports.ts';

/**
 * Takes the jobs that are assigned to this process's runners. Taking one is recording its start; the work itself goes
 * on after the event is done with.
 */
@Injectable()
export class ExecutionService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly running = new Map<string, { attempt: AttemptExecution; done: Promise<void> }>();
  /** Assignments that are being taken right now. */
  private readonly accepting = new Set<Promise<void>>();
  private closing = false;

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(RUNNER_PORTS) private readonly ports: Ports,
    @Inject(Workspaces) private readonly workspaces: Workspaces,
    @Inject(PORT.settings) private readonly settings: Ports['settings'],
  ) {}

  /** Whatever an earlier process of this runner left running is killed, and its attempts are reported as lost. */
  async onApplicationBootstrap(): Promise<void> {
    const begun = new Set([...(await this.workspaces.leftovers()), ...(await attemptsUnderWay(this.ports))]);
    for (const attemptId of begun) {
      await this.ports.executor.sweep(attemptId);
      await this.reportLost(attemptId);
      await this.workspaces.remove(attemptId);
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    await Promise.allSettled(this.accepting);
    for (const { attempt } of this.running.values()) attempt.stop('shutdown');
    await Promise.all([...this.running.values()].map(({ done }) => done));
    await this.workspaces.close();
  }

  async accept(event: Assigned): Promise<void> {
    const { runnerId } = event.data;
    if (!this.settings.runners.some(({ id }) => id === runnerId)) return;
    if (this.closing) throw new TransientError('this runner is shutting down; the job is taken after the restart');
    const accepted = this.take(event);
    this.accepting.add(accepted);
    try {
      await accepted;
    } finally {
      this.accepting.delete(accepted);
    }
  }

  stop({ data }: Recorded<ReturnType<typeof JobStopRequested>>): void {
    this.running.get(attemptIdOf(data.jobId, data.attempt))?.attempt.stop('cancelled');
  }

  private async take(event: Assigned): Promise<void> {
    const { runnerId, jobId, pipelineId, attempt } = event.data;
    const attemptId = attemptIdOf(jobId, attempt);
    if (this.running.has(attemptId)) return;
    const { phase } = await this.commands.stateOf(attemptStream(attemptId), attemptDecider);
    if (phase !== 'new') return;
    // The directory comes before the start: it is how a later process finds what this one had begun.
    this.workspaces.reserve(attemptId);
    const cause: Cause = { id: event.id, correlationId: pipelineId, actor: { kind: 'runner', id: runnerId } };
    const started = AttemptStarted({
      attemptId,
      pipelineId,
      jobId,
      attempt,
      runnerId,
      executor: this.ports.executor.kind,
    });
    const { events } = await this.commands.handle(
      attemptStream(attemptId),
      attemptDecider,
      { type: 'StartAttempt', started },
      cause,
    );
    if (events.length === 0) return;
    const execution = new AttemptExecution(event, this.ports, this.workspaces, this.commands, cause);
    const done = this.carryOut(execution);
    this.running.set(attemptId, { attempt: execution, done });
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

  private async reportLost(attemptId: string): Promise<void> {
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
      detail: 'the runner’s process died while it ran',
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
