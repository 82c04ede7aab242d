import { runnerStream } from '@foldline/contracts';
import { TransientError, type Ports } from '@foldline/kernel';
import type { RunnerLeases } from '../lease/runner-leases.service.ts';
import type { Assigned } from './attempt-execution.ts';

const AGAIN_MS = 250;

type LogPorts = Pick<Ports, 'eventStore' | 'clock' | 'logger'>;

/**
 * Whether the runner still holds its lease, asked of the log now: what it knows may be some seconds old, and what was not
 * begun when it was lost is given to others at once. Asked behind a start that was stored, one of both is certain: the
 * scheduler finds the start, or this finds that the runner is lost. While the log does not answer, nothing is known.
 */
export const isStillHeld = async (
  { runnerId, epoch }: Assigned['data'],
  leases: RunnerLeases,
  { eventStore, clock, logger }: LogPorts,
  isClosing: () => boolean,
): Promise<boolean> => {
  const lease = leases.all.find((one) => one.runnerId === runnerId);
  const isHeld = (): boolean => leases.standing(runnerId, epoch) === 'held';
  if (!lease) return false;
  while (isHeld() && !isClosing()) {
    try {
      const news = await eventStore.readStream(runnerStream(runnerId), lease.nextRevision, 1);
      if (news.length === 0) return isHeld();
      await leases.lookNow();
    } catch (err) {
      if (!(err instanceof TransientError)) throw err;
      logger.debug({ err, runnerId }, 'whether a runner is lost could not be read');
      await clock.sleep(AGAIN_MS);
    }
  }
  return false;
};
