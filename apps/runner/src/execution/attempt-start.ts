import { AttemptStarted, attemptIdOf, attemptStream } from '@foldline/contracts';
import { TransientError, type Cause, type Commands, type Ports } from '@foldline/kernel';
import type { Assigned } from './attempt-execution.ts';
import { attemptDecider } from './attempt.decider.ts';

type StartPorts = Pick<Ports, 'eventStore' | 'executor' | 'ids'>;

/**
 * Records the starts of attempts, and tells by the log which of them are this process's own: an append whose answer was
 * lost may have been done, and a start of another process must not be taken for one's own, also when both were at it
 * at the same time. So every process starts attempts by a cause of its own.
 */
export class AttemptStart {
  private readonly process: string;

  constructor(
    private readonly commands: Commands,
    private readonly ports: StartPorts,
  ) {
    this.process = ports.ids.next();
  }

  causeOf({ id, data }: Assigned): Cause {
    return {
      id: `${id}:${this.process}`,
      correlationId: data.pipelineId,
      actor: { kind: 'runner', id: data.runnerId },
    };
  }

  async isPossible(event: Assigned): Promise<boolean> {
    const stream = attemptStream(attemptIdOf(event.data.jobId, event.data.attempt));
    const { phase } = await this.commands.stateOf(stream, attemptDecider);
    return phase === 'new' || (phase === 'started' && (await this.isOwn(event, stream)));
  }

  /** True when the attempt is this process's to carry out; the caller sees to it that it does so once. */
  async record(event: Assigned): Promise<boolean> {
    const { jobId, pipelineId, attempt, runnerId, job } = event.data;
    const attemptId = attemptIdOf(jobId, attempt);
    const stream = attemptStream(attemptId);
    const executor = this.ports.executor.kindOf(job);
    const started = AttemptStarted({ attemptId, pipelineId, jobId, attempt, runnerId, executor });
    try {
      const command = { type: 'StartAttempt', started } as const;
      const { events } = await this.commands.handle(stream, attemptDecider, command, this.causeOf(event));
      if (events.length > 0) return true;
    } catch (error) {
      if (await this.isOwn(event, stream)) return true;
      throw error;
    }
    return this.isOwn(event, stream);
  }

  /** True when this process has asked for the start that the log holds. */
  wasOwn(event: Assigned): Promise<boolean> {
    return this.isOwn(event, attemptStream(attemptIdOf(event.data.jobId, event.data.attempt)));
  }

  private async isOwn(event: Assigned, stream: string): Promise<boolean> {
    try {
      const [started] = await this.ports.eventStore.readStream(stream, 0, 1);
      return started?.causationId === this.causeOf(event).id;
    } catch (cause) {
      throw new TransientError(`whether ${stream} was started is not known`, { cause });
    }
  }
}
