import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal, fromSystemError, systemCode, type Logger } from '@foldline/kernel';

/** A process that was killed has the lock until the system has cleared it away: so often it is asked for. */
const TRY = { times: 10, everyMs: 200 };
const FLOCK_MS = 10_000;
const NOT_LOCKED = 'the data directory is not locked: see to it that no other runner gets it by FOLDLINE_DATA_DIR';

export type Place = {
  dataDirectory: string;
  /** Where programs are, as in PATH. */
  path: string | undefined;
  logger: Logger;
};

/**
 * Takes `runners/` of a data directory for this process, to be done before anything in there is looked at: what another
 * process has in it would be taken for what a crash has left behind, and killed. Refuses with `data_directory_taken`
 * while another has it.
 *
 * It is a lock of the operating system on a descriptor that is never closed and that no child inherits. So it ends with
 * this process, however that dies, and not before; no job that outlives it holds it on; and containers that share the
 * volume on one host see it. Where there is no program `flock` the directory is not locked, which is said in the log.
 */
export const lockRunners = async ({ dataDirectory, path, logger }: Place): Promise<void> => {
  const file = openLockFile(join(dataDirectory, 'runners'));
  try {
    for (let tried = 1; ; tried += 1) {
      const outcome = tryToLock(file, dataDirectory, path);
      if (outcome === 'held') return;
      if (outcome === 'no flock') return logger.warn({ directory: dataDirectory }, NOT_LOCKED);
      if (tried === TRY.times) throw directoryTaken(dataDirectory);
      await sleep(TRY.everyMs);
    }
  } catch (error) {
    closeSync(file);
    throw error;
  }
};

const openLockFile = (directory: string): number => {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(join(directory, 'lock'), 'a', 0o600);
  } catch (error) {
    throw fromSystemError(error, `open the lock of ${directory}`);
  }
};

/**
 * Node cannot lock a file. `flock` locks the open file that it is given, which is ours as well: when it has ended we hold
 * the lock. Anything but a lock or a refusal of it ends the start: nobody would notice what it does not keep away.
 */
const tryToLock = (file: number, directory: string, path: string | undefined): 'held' | 'taken' | 'no flock' => {
  const { error, status, signal, stderr } = spawnSync('flock', ['-n', '3'], {
    env: path === undefined ? {} : { PATH: path },
    stdio: ['ignore', 'ignore', 'pipe', file],
    timeout: FLOCK_MS,
  });
  if (error) {
    if (systemCode(error) === 'ENOENT') return 'no flock';
    throw fromSystemError(error, `lock ${directory}`);
  }
  if (status === 0) return 'held';
  if (status === 1) return 'taken';
  const because = stderr.toString('utf8').trim() || `flock ended with ${status ?? signal}`;
  throw new Refusal(
    'data_directory_unusable',
    `The data directory ${directory} could not be locked, and must be on a file system where it can be: ${because}`,
    { directory },
  );
};

const directoryTaken = (directory: string): Refusal =>
  new Refusal(
    'data_directory_taken',
    `Another process runs in the data directory ${directory}. Stop it first, or give each process a FOLDLINE_DATA_DIR of its own`,
    { directory },
  );
