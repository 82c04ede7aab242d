/** Topics of signals between scheduler and runners: not history, at most once, to whoever listens. */
export const RUNNER_SIGNAL = {
  /** A runner says that it is there and what it offers: `{ runnerId, epoch, offer }`. */
  hello: 'runner.hello',
  /** The scheduler asks every runner to say hello. */
  whoIsThere: 'runner.who-is-there',
} as const;
