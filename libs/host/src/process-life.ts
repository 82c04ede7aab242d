import { PermanentError, Refusal, TransientError } from '@foldline/kernel';

const STOP_MS = 30_000;
/** npm hands on a signal that its process group has got already: within this time it is the same one, not a second. */
const SAME_SIGNAL_MS = 1_000;

export type Ending = {
  /** Lets what runs come to its end; ends early when it is forced. */
  drain?: (forced: AbortSignal) => Promise<void>;
  /** How long draining may take; without it nothing is drained. */
  drainMs?: number;
  /** Stops in order; says by `now` what it is at, for a message if it takes too long. */
  stop: (now: (step: string) => void) => Promise<void>;
  /** How long stopping may take. */
  stopMs?: number;
};
export type EndSignal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT';

/**
 * Ends the process at signals. The first SIGTERM or SIGINT drains and then stops in order; a second one, a SIGQUIT, or
 * too long a time ends the draining. While it stops in order, another signal or too long a time ends it at once.
 */
export const stopOnSignals = (ending: Ending): void => {
  const onSignal = endingBySignals(ending, (code) => process.exit(code));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => onSignal(signal));
};

/** What signals do; `exit` gets the exit code. */
export const endingBySignals = (
  { drain, drainMs = 0, stop, stopMs = STOP_MS }: Ending,
  exit: (code: number) => void,
): ((signal: EndSignal) => void) => {
  const forced = new AbortController();
  let phase: 'working' | 'draining' | 'stopping' = 'working';
  let last: { signal: EndSignal; at: number } | undefined;

  const drainFirst = async (): Promise<void> => {
    if (!drain || drainMs === 0 || forced.signal.aborted) return;
    phase = 'draining';
    const late = setTimeout(() => forced.abort(), drainMs);
    await drain(forced.signal).catch(tell);
    clearTimeout(late);
  };
  const end = async (): Promise<void> => {
    await drainFirst();
    phase = 'stopping';
    let step = 'to stop';
    setTimeout(() => {
      tell(`Ended at once: after ${stopMs / 1_000} s it still had ${step}`);
      exit(1);
    }, stopMs).unref();
    await stop((next) => (step = next)).then(
      () => exit(0),
      (error: unknown) => {
        tell(error);
        exit(1);
      },
    );
  };
  return (signal) => {
    const at = performance.now();
    const isHandedOn = last && at - last.at <= SAME_SIGNAL_MS && (signal !== 'SIGQUIT' || last.signal === 'SIGQUIT');
    if (isHandedOn) return;
    last = { signal, at };
    if (phase === 'stopping') return exit(1);
    if (phase === 'draining' || signal === 'SIGQUIT') forced.abort();
    if (phase === 'working') void end();
  };
};

const tell = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);

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
