import { attemptIdOf, attemptStream, isDraining, type LeaseTerms } from '@foldline/contracts';
import type { Cause, Clock, EventStore, Logger } from '@foldline/kernel';
import type { DispatchService } from '../dispatch/dispatch.service.ts';
import type { Running } from '../dispatch/dispatcher.ts';
import { attemptKey } from '../dispatch/job-queue.ts';
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

/**
 * Ends the attempts of runners that are lost, so that others may do the jobs. Whose attempts these are follows from the
 * log alone: a scheduler that takes over goes on with what the one before it had begun.
 *
 * The grace period between `RunnerLost` and this is what makes it safe. A runner works on only while it knows, from an
 * answer or from the log, that it is not lost, and nothing it knows is good for as long as the grace. It looks again
 * after a start has been stored and before anything of the job runs. So when no start is found here, none that comes
 * later will run anything.
 *
 * A runner that drains keeps what it has begun, and what it has not begun needs no grace: it says that it drains when
 * every start that it has asked for is answered, and runs nothing of a start that is stored after that.
 */
export class GiveAway {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly terms: LeaseTerms,
    private readonly tools: Tools,
  ) {}

  /** Ends whatever has waited for the grace period, and returns what nobody will begin; asked again and again. */
  async sweep(): Promise<void> {
    const { dispatch, roster, clock, logger } = this.tools;
    for (const running of dispatch.dispatcher.assignments) {
      const key = attemptKey(running.job);
      if (!dispatch.leads || this.underWay.has(key)) continue;
      this.underWay.add(key);
      try {
        const { runnerId, epoch } = running;
        const endedAt = await roster.endedAt(runnerId, epoch);
        if (endedAt !== undefined && clock.monotonic() - endedAt >= this.terms.graceMs) await this.end(running);
        else if (isDraining(await roster.historyOf(runnerId), epoch)) await this.end(running, true);
      } catch (err) {
        logger.error({ err, ...running.job }, 'a job of a lost runner could not be given away yet');
      } finally {
        this.underWay.delete(key);
      }
    }
  }

  /** An attempt is assigned once, so its number says that this is about the runner that is lost. */
  private async end({ job, runnerId, epoch }: Running, draining = false): Promise<void> {
    const { dispatch } = this.tools;
    const { jobId, attempt, pipelineId } = job;
    const phase = await this.phaseOf(attemptIdOf(jobId, attempt));
    // Its runner has said how it ended; that news is on its way, and is better than ours.
    if (phase === 'finished' || (draining && phase === 'started')) return;
    const command = commandFor(phase, { jobId, attempt, runnerId, draining });
    const cause: Cause = {
      id: `${draining ? 'draining' : 'lost'}:${attemptIdOf(jobId, attempt)}:${epoch ?? ''}`,
      actor: { kind: 'system', id: 'scheduler' },
    };
    await dispatch.handle(pipelineId, command, cause);
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

const commandFor = (
  phase: 'new' | 'started',
  { jobId, attempt, runnerId, draining }: { jobId: string; attempt: number; runnerId: string; draining: boolean },
): PipelineCommand =>
  phase === 'new'
    ? {
        type: 'ReturnJob',
        jobId,
        attempt,
        detail: `${runnerId} ${draining ? 'is being stopped and had not' : 'was lost before it had'} started the job`,
      }
    : {
        type: 'FinishAttempt',
        jobId,
        attempt,
        outcome: 'lost',
        reason: 'runner_lost',
        detail: `${runnerId} was lost while it ran`,
        commits: [],
      };
