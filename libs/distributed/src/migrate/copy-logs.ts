import { createHash } from 'node:crypto';
import { LogSealed, logStream } from '@foldline/contracts';
import { PermanentError, type LogState, type LogStore } from '@foldline/kernel';
import { inParallel } from './progress.ts';
import type { Source } from './source.ts';

const AT_ONCE = 8;
const FRAME_BYTES = 256 * 1024;

type Copy = { source: Source; target: LogStore; attempts: Iterable<string> };
export type LogsCopied = { logs: number; problems: string[] };

/** Copies the output of attempts and seals what was sealed. Goes on in a log where an earlier run had come. */
export const copyLogs = (copy: Copy, progress: (done: number) => void): Promise<LogsCopied> =>
  each(copy, progress, copyLog);

/** Whether each log is in the target as it is in the source: its length and its seal. For a target opened anew. */
export const checkLogs = (copy: Copy, progress: (done: number) => void): Promise<LogsCopied> =>
  each(copy, progress, async ({ source, target }, attemptId) => {
    const [here, there] = await Promise.all([source.logs.store.state(attemptId), target.state(attemptId)]);
    if (!isSame(here, there))
      throw new PermanentError(`${there.nextOffset} of ${here.nextOffset} bytes are there, sealed: ${there.sealed}`);
  });

const each = async (
  copy: Copy,
  progress: (done: number) => void,
  work: (copy: Copy, attemptId: string) => Promise<void>,
): Promise<LogsCopied> => {
  const problems: string[] = [];
  let logs = 0;
  await inParallel(copy.attempts, AT_ONCE, async (attemptId) => {
    try {
      await work(copy, attemptId);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      problems.push(`log of ${attemptId}: ${error.message}`);
    }
    logs += 1;
    progress(logs);
  });
  return { logs, problems };
};

const copyLog = async ({ source, target }: Copy, attemptId: string): Promise<void> => {
  const [from, there] = [await source.logs.store.state(attemptId), await target.state(attemptId)];
  if (isSame(from, there)) return;
  const hash = createHash('sha256');
  let sequence = there.nextSequence;
  for (let offset = 0; offset < from.nextOffset;) {
    const bytes = await source.logs.store.read(attemptId, offset, Math.min(from.nextOffset, offset + FRAME_BYTES));
    hash.update(bytes);
    const end = offset + bytes.length;
    if (end > there.nextOffset) {
      const begin = Math.max(offset, there.nextOffset);
      const frame = { sequence, offset: begin, bytes: bytes.subarray(begin - offset) };
      const state = await target.append(attemptId, frame);
      if (state.nextOffset !== end) throw new PermanentError(`it does not go on at ${begin} where it is copied to`);
      sequence = state.nextSequence;
    }
    offset = end;
  }
  if (!from.sealed) return;
  const claim = await sealedAs(source, attemptId);
  await target.seal(attemptId, claim ?? { bytes: from.nextOffset, sha256: hash.digest('hex') });
};

/** What the log of events says that was sealed. */
const sealedAs = async (
  { events }: Source,
  attemptId: string,
): Promise<{ bytes: number; sha256: string } | undefined> => {
  const told = (await events.readStream(logStream(attemptId))).find(({ type }) => type === LogSealed.type);
  if (!told) return undefined;
  const { bytes, sha256 } = told.data as { bytes: number; sha256: string };
  return { bytes, sha256 };
};

const isSame = (one: LogState, other: LogState): boolean =>
  one.nextOffset === other.nextOffset && one.sealed === other.sealed;
