import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What /proc says of a process; nothing when it is gone or somebody else's. */
const reading = (read) => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/**
 * Processes that still belong to a run: everything that was started from its directory, as the server and its helpers
 * are, and every process of a job, whose environment names the directory wherever it went.
 */
const processesOf = (directory) =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .flatMap((pid) => {
      const cwd = reading(() => readlinkSync(`/proc/${pid}/cwd`)) ?? '';
      const environment = reading(() => readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? '';
      if (!cwd.startsWith(directory) && !environment.includes(directory)) return [];
      const command = reading(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
      return [{ pid, command: command.replaceAll('\0', ' ').trim() }];
    });

/** Processes and directories that a stopped server has left behind. */
export const findLeftovers = (directory, dataDirectory) => {
  const jobs = join(dataDirectory, 'runners', 'jobs');
  return { processes: processesOf(directory), directories: existsSync(jobs) ? readdirSync(jobs) : [] };
};
