const ESCAPE = '\u001b';

/** What the job itself printed: the log without the lines of the system and without the commands it repeats. */
export const outputOf = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !line.startsWith(ESCAPE))
    .join('\n');
