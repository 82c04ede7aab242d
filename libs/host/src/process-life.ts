import { PermanentError, Refusal, TransientError } from '@foldline/kernel';

const DRAIN_MS = 30_000;
/** npm hands on a signal that its process group has got already: within this time it is the same one, not a second. */
const SAME_SIGNAL_MS = 1_000;

/** Stops in order at the first SIGTERM or SIGINT, and at once at a second one or when the order takes too long. */
export const stopOnSignals = (stop: () => Promise<void>, drainMs = DRAIN_MS): void => {
  let stoppingSince: number | undefined;
  const onSignal = (): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    setTimeout(() => process.exit(1), drainMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
};

/** What went wrong, for a person; where in the code only for what nobody has foreseen. */
export const messageOf = (error: unknown): string => {
  if (error instanceof Refusal || error instanceof PermanentError || error instanceof TransientError)
    return error.message;
  return String(error instanceof Error ? error.stack : error);
};

/** Says why the program could not start, and ends it: 2 for what the operator can mend in the settings, else 1. */
export const exitBecause = (error: unknown): never => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof Refusal ? 2 : 1);
};
