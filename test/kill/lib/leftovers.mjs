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
 * Processes that still belong to a run: those that a job started, by the variable that they inherit, and everything
 * that was started from the run's directory, as the server and its helpers are.
 */
const processesOf = (directory, pipelineIds) =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .flatMap((pid) => {
      const cwd = reading(() => readlinkSync(`/proc/${pid}/cwd`)) ?? '';
      const environment = reading(() => readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? '';
      const pipelineId = /(?:^|\0)FOLDLINE_ATTEMPT=([0-9a-z]+)\./.exec(environment)?.[1];
      if (!cwd.startsWith(directory) && !pipelineIds.has(pipelineId)) return [];
      const command = reading(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
      return [{ pid, command: command.replaceAll('\0', ' ').trim() }];
    });

/** Processes and directories that a stopped server has left behind. */
export const findLeftovers = (directory, dataDirectory, pipelineIds) => {
  const jobs = join(dataDirectory, 'runners', 'jobs');
  return {
    processes: processesOf(directory, pipelineIds),
    directories: existsSync(jobs) ? readdirSync(jobs) : [],
  };
};
