import { attemptIdOf, attemptStream, isDraining, type LeaseTerms } from '@foldline/contracts';
import type { Cause, Clock, EventStore, Logger } from '@foldline/kernel';
import type { DispatchService } from '../dispatch/dispatch.service.ts';
import type { Running } from '../dispatch/dispatcher.ts';
import { attemptKey } from '../dispatch/job-queue.ts';
import { onBehalfOf } from '../dispatch/on-behalf-of.ts';
import type { PipelineCommand } from '../pipeline/pipeline.decider.ts';
import type { RunnerRoster } from './runner-roster.ts';

const PAGE = 1000;

type Tools = {
  store: EventStore;
  clock: Clock;
  logger: Logger;
  dispatch: DispatchService;
  roster: RunnerRoster;
};

/** `lost`: the grace period is not over; `given up`: it is. */
type Standing = 'kept' | 'draining' | 'lost' | 'given up';

/**
 * Ends the attempts of runners that are lost, so that others may do the jobs. Whose attempts these are follows from the
 * log alone: a scheduler that takes over goes on with what the one before it had begun.
 *
 * - What was not begun is given to others at once. A start is looked for when the log says that the runner is lost, or
 *   drains; the runner looks for that when its start is stored, and before anything of the job runs. So when no start
 *   is found here, none that comes later will run anything.
 * - What was begun is given to others after a grace period. A runner works on only while it knows, from an answer or from
 *   the log, that it is not lost, and nothing it knows is good for as long as the grace. One that drains keeps it.
 */
export class GiveAway {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly terms: LeaseTerms,
    private readonly tools: Tools,
  ) {}

  /** Looks at every job that a runner has; asked again and again. */
  async sweep(): Promise<void> {
    for (const running of this.tools.dispatch.dispatcher.assignments) await this.look(running);
  }

  /** Returns the job when nobody will begin it, and ends its attempt when that has waited for the grace period. */
  async look({ job }: Running): Promise<void> {
    const { dispatch, logger } = this.tools;
    const key = attemptKey(job);
    const running = dispatch.leads ? dispatch.dispatcher.assignmentOf(job) : undefined;
    if (!running || this.underWay.has(key)) return;
    this.underWay.add(key);
    try {
      await onBehalfOf(running.job, () => this.giveAway(running));
    } catch (err) {
      const { pipelineId, jobId, attempt } = job;
      logger.error({ err, pipelineId, jobId, attempt }, 'a job of a lost runner could not be given away yet');
    } finally {
      this.underWay.delete(key);
    }
  }

  private async giveAway(running: Running): Promise<void> {
    const { job, runnerId } = running;
    const standing = await this.standingOf(running);
    if (standing === 'kept') return;
    const phase = await this.phaseOf(attemptIdOf(job.jobId, job.attempt));
    if (phase === 'new') return this.end(running, returned(running, standing === 'draining'));
    // The runner may have said how it ended; that news is on its way, and is better than ours.
    if (phase === 'started' && standing === 'given up')
      await this.end(running, {
        type: 'FinishAttempt',
        jobId: job.jobId,
        attempt: job.attempt,
        outcome: 'lost',
        reason: 'runner_lost',
        detail: `${runnerId} was lost while it ran`,
        commits: [],
      });
  }

  private async standingOf({ runnerId, epoch }: Running): Promise<Standing> {
    const { roster, clock } = this.tools;
    const endedAt = await roster.endedAt(runnerId, epoch);
    if (endedAt !== undefined) return clock.monotonic() - endedAt >= this.terms.graceMs ? 'given up' : 'lost';
    return isDraining(await roster.historyOf(runnerId), epoch) ? 'draining' : 'kept';
  }

  /** An attempt is assigned once, so its number says that this is about the runner that is lost. */
  private async end({ job, epoch }: Running, command: PipelineCommand): Promise<void> {
    const { dispatch } = this.tools;
    const cause: Cause = {
      id: `${command.type === 'ReturnJob' ? 'not begun' : 'lost'}:${attemptIdOf(job.jobId, job.attempt)}:${epoch ?? ''}`,
      actor: { kind: 'system', id: 'scheduler' },
    };
    await dispatch.handle(job.pipelineId, command, cause);
    await dispatch.lookAt(job);
  }

  private async phaseOf(attemptId: string): Promise<'new' | 'started' | 'finished'> {
    for (let from = 0, last: string | undefined; ; from += PAGE) {
      const page = await this.tools.store.readStream(attemptStream(attemptId), from, PAGE);
      last = page.at(-1)?.type ?? last;
      if (page.length === PAGE) continue;
      if (last === undefined) return 'new';
      return last === 'AttemptFinished' ? 'finished' : 'started';
    }
  }
}

const returned = ({ job: { jobId, attempt }, runnerId }: Running, draining: boolean): PipelineCommand => ({
  type: 'ReturnJob',
  jobId,
  attempt,
  detail: `${runnerId} ${draining ? 'is being stopped and had not' : 'was lost before it had'} started the job`,
});
