import {
  RUNNER_SIGNAL,
  evolveRunner,
  hasEnded,
  newRunnerHistory,
  runnerHello,
  runnerStream,
  type RunnerEvent,
} from '@foldline/contracts';
import { Refusal, TransientError, type EventStore, type Ports } from '@foldline/kernel';

/** Whoever is there has so long to say so, and is asked so often: signals may be lost. */
const ASK = { times: 3, everyMs: 400 };

type Needed = Pick<Ports, 'eventStore' | 'signals' | 'clock' | 'logger' | 'settings'>;

/**
 * Refuses when another process runs under the name of one of our runners: to take its place would kill its jobs, and
 * both would take events that are for one. Asks only where the log does not say that the one before us has ended; after a
 * crash nobody answers. Where nobody can be asked, the lease decides which of two goes on.
 */
export const refuseIfTaken = async ({ eventStore, signals, clock, logger, settings }: Needed): Promise<void> => {
  try {
    const open = await withoutEnd(
      eventStore,
      settings.runners.map(({ id }) => id),
    );
    if (open.size === 0) return;
    const heard = new AbortController();
    let taken: string | undefined;
    const stopListening = signals.listen(RUNNER_SIGNAL.hello, (message) => {
      const hello = runnerHello.safeParse(message);
      if (!hello.success || !open.has(hello.data.runnerId)) return;
      taken = hello.data.runnerId;
      heard.abort();
    });
    try {
      for (let asked = 0; asked < ASK.times && !heard.signal.aborted; asked += 1) {
        await signals.send(RUNNER_SIGNAL.whoIsThere, {});
        await clock.sleep(ASK.everyMs, heard.signal);
      }
    } finally {
      stopListening();
    }
    if (taken !== undefined) throw nameTaken(taken);
  } catch (err) {
    if (!(err instanceof TransientError)) throw err;
    logger.warn({ err }, 'whether another process runs under the name of this runner could not be asked');
  }
};

const nameTaken = (runnerId: string): Refusal =>
  new Refusal(
    'runner_name_taken',
    `Another process runs as the runner ${runnerId}. Stop it first, or give each process names of its own by FOLDLINE_RUNNERS, and a directory of its own by FOLDLINE_DATA_DIR`,
    { runnerId },
  );

const withoutEnd = async (store: EventStore, runnerIds: readonly string[]): Promise<Set<string>> => {
  const open = new Set<string>();
  for (const runnerId of runnerIds) {
    const history = newRunnerHistory();
    for (const event of await store.readStream(runnerStream(runnerId)))
      evolveRunner(history, event as unknown as RunnerEvent);
    if (history.epoch !== undefined && !hasEnded(history, history.epoch)) open.add(runnerId);
  }
  return open;
};
