import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError } from '@foldline/kernel';

const ATTEMPT_ID = /^[0-9a-z.]{1,128}$/;

export type LogPaths = { shard: string; growing: string; sealed: string };

/** Where an attempt's log lies. The id becomes part of a file name, so anything but digits, letters and dots is refused. */
export const logPaths = (directory: string, attemptId: string): LogPaths => {
  if (!ATTEMPT_ID.test(attemptId)) throw new PermanentError('not the id of an attempt');
  const shard = join(directory, createHash('sha256').update(attemptId).digest('hex').slice(0, 2));
  return { shard, growing: join(shard, `${attemptId}.log`), sealed: join(shard, `${attemptId}.sealed`) };
};

/** What a restart can know: how long the log is and whether it is sealed (its file was renamed). */
export const findLog = (paths: LogPaths): { bytes: number; sealed: boolean } => {
  const sealed = statSync(paths.sealed, { throwIfNoEntry: false });
  if (sealed) return { bytes: sealed.size, sealed: true };
  return { bytes: statSync(paths.growing, { throwIfNoEntry: false })?.size ?? 0, sealed: false };
};

const SHARD = /^[0-9a-f]{2}$/;
const LOG_FILE = /^([0-9a-z.]{1,128})\.(?:log|sealed)$/;

/** Ids of the attempts of which there is a log in the directory of a store, which nobody changes meanwhile. */
export function* storedLogs(directory: string): Generator<string> {
  if (!existsSync(directory)) return;
  for (const shard of readdirSync(directory)
    .filter((name) => SHARD.test(name))
    .toSorted()) {
    const ids = readdirSync(join(directory, shard)).map((name) => LOG_FILE.exec(name)?.[1]);
    yield* new Set(ids.filter((id) => id !== undefined).toSorted());
  }
}
