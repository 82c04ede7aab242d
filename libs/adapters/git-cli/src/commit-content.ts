import { PermanentError, Refusal, type DescribedCommit } from '@foldline/kernel';
import { assertSha, isSha } from './safe-input.ts';

/** Runs git in a copy of a repository that has the commit; gives what it prints. */
export type Ask = (args: readonly string[]) => Promise<Buffer>;

const REGULAR_FILES = new Set(['100644', '100755']);
const MODE_LENGTH = 6;
const DIGITS = /^[0-9a-f]{4,40}$/;

export const describeCommit = async (ask: Ask, sha: string): Promise<DescribedCommit> => {
  assertSha(sha);
  const format = '--format=%an%x00%ae%x00%ct%x00%B';
  const shown = await ask(['log', '-1', '--no-show-signature', format, '--end-of-options', sha]);
  const [author = '', email = '', seconds = '', message = ''] = shown.toString('utf8').split('\0');
  return { sha, author, email, at: instantOf(seconds), message: message.trimEnd() };
};

/** A commit may claim any moment; what no calendar has counts as the first that computers know. */
const instantOf = (seconds: string): string => {
  const date = new Date(Number(seconds) * 1000);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
};

/** What else was fetched does not count: that depends on what was asked for before. */
export const findCommit = async (
  ask: Ask,
  { digits, historyOf }: { digits: string; historyOf: string },
): Promise<string | undefined> => {
  assertSha(historyOf);
  if (!DIGITS.test(digits)) return undefined;
  const ids = (await ask(['rev-parse', `--disambiguate=${digits}`])).toString('utf8').split('\n').filter(isSha);
  const found: string[] = [];
  for (const id of ids) if (await isIn(historyOf, id, ask)) found.push(id);
  return found.length === 1 ? found[0] : undefined;
};

const isIn = async (history: string, id: string, ask: Ask): Promise<boolean> => {
  try {
    await ask(['merge-base', '--is-ancestor', id, history]);
    return true;
  } catch (error) {
    // It is no commit, or of another history.
    if (error instanceof PermanentError) return false;
    throw error;
  }
};

/** What an annotated tag says, without its signature; `undefined` when the ref is none. */
export const describeTag = async (ask: Ask, ref: string): Promise<string | undefined> => {
  const format = '--format=%(objecttype)%00%(contents:subject)%00%(contents:body)';
  const [type, subject = '', body = ''] = (await ask(['for-each-ref', format, ref])).toString('utf8').split('\0');
  return type === 'tag' ? [subject, body.trimEnd()].filter(Boolean).join('\n\n') : undefined;
};

export const readFile = async (ask: Ask, sha: string, path: string, maxBytes: number): Promise<Buffer | undefined> => {
  assertSha(sha);
  const listed = await ask(['ls-tree', '-l', '-z', '--full-tree', sha, '--', path]);
  const entry = /^(\d{6}) (\w+) ([0-9a-f]{40}) +(\d+|-)\t/.exec(listed.toString('utf8'));
  if (!entry) return undefined;
  const [, mode, , blob, size] = entry;
  if (!REGULAR_FILES.has(mode!))
    throw new Refusal('definition_not_a_file', `${path} is not a regular file in commit ${sha.slice(0, 8)}`);
  if (Number(size) > maxBytes)
    throw new Refusal('definition_too_large', `${path} has ${size} bytes; at most ${maxBytes} are read`);
  return ask(['cat-file', 'blob', blob!]);
};

export const listFiles = async (ask: Ask, sha: string): Promise<string[]> => {
  assertSha(sha);
  const listed = await ask(['ls-tree', '-r', '-z', '--full-tree', sha]);
  const entries = listed.toString('utf8').split('\0').filter(Boolean);
  return entries.flatMap((entry) =>
    REGULAR_FILES.has(entry.slice(0, MODE_LENGTH)) ? [entry.slice(entry.indexOf('\t') + 1)] : [],
  );
};

export const changedFiles = async (
  ask: Ask,
  { from, to, sinceFork }: { from: string; to: string; sinceFork: boolean },
): Promise<string[]> => {
  assertSha(from);
  assertSha(to);
  const base = sinceFork ? (await ask(['merge-base', from, to])).toString('utf8').trim() : from;
  const listed = await ask(['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--no-commit-id', base, to]);
  return listed.toString('utf8').split('\0').filter(Boolean);
};
