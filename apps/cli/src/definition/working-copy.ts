import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { DEFINITION_FILES, notLookedUp, type Look } from '@foldline/pipeline-language';
import { baseCommit } from './base-commit.ts';
import { CommandFailure, EXIT } from '../command-failure.ts';

const execute = promisify(execFile);
const GIT_MS = 10_000;
/** More than any definition may have; its exact limit is told by the compiler. */
const MOST_BYTES = 16 * 1024 * 1024;

const gitIn =
  (directory: string) =>
  async (...args: string[]): Promise<string | undefined> => {
    try {
      return (await execute('git', ['-C', directory, ...args], { timeout: GIT_MS })).stdout.trim();
    } catch {
      return undefined;
    }
  };

/** What git says of a directory; nothing where it is no working copy or has no commit. */
export type WorkingCopy = { sha?: string; message?: string; branch?: string; defaultBranch?: string };

export const workingCopyAt = async (directory: string): Promise<WorkingCopy> => {
  const git = async (...args: string[]): Promise<string | undefined> => (await gitIn(directory)(...args)) || undefined;
  const [commit = '', branch, origin] = await Promise.all([
    git('log', '-1', '--no-show-signature', '--format=%H%n%B'),
    git('symbolic-ref', '--short', '--quiet', 'HEAD'),
    git('symbolic-ref', '--short', '--quiet', 'refs/remotes/origin/HEAD'),
  ]);
  const [sha, ...lines] = commit.split('\n');
  const message = lines.join('\n');
  const defaultBranch = origin?.slice(origin.indexOf('/') + 1);
  return {
    ...(sha && { sha }),
    ...(message && { message }),
    ...(branch && { branch }),
    ...(defaultBranch && { defaultBranch }),
  };
};

/** Who has not called `git init` yet has files all the same. */
const filesBelow = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
};

/**
 * What lies in the directory, committed or not; git says which of it are files of the repository. `texts` keeps what was
 * read, by path; `before` is the commit since which files count as pushed.
 */
export const lookInto = (directory: string, texts: Map<string, string>, before?: string): Look => {
  const paths = async (...args: string[]): Promise<string[] | undefined> => {
    const asked = execute('git', ['-C', directory, ...args], { timeout: GIT_MS, maxBuffer: MOST_BYTES });
    const listed = await asked.catch(() => undefined);
    return listed?.stdout.split('\0').filter(Boolean);
  };
  return {
    file: async (path) => {
      const text = await readFile(join(directory, path), 'utf8').catch(() => undefined);
      if (text !== undefined) texts.set(path, text);
      return text;
    },
    paths: async () =>
      (await paths('ls-files', '-z', '--cached', '--others', '--exclude-standard')) ?? (await filesBelow(directory)),
    changes: async (since) => {
      const base = await (since === '' ? before : baseCommit(since, gitIn(directory)));
      if (base === undefined) return null;
      const fork = since === '' ? [] : ['--merge-base'];
      const tracked = await paths('diff', '-z', '--name-only', '--no-renames', ...fork, '--end-of-options', base, '--');
      const added = await paths('ls-files', '-z', '--others', '--exclude-standard');
      return tracked ? [...tracked, ...(added ?? [])] : null;
    },
    elsewhere: async (location) => notLookedUp(location),
  };
};

/** The definition that a server would take, or the first name for one where there is none. */
export const definitionFileIn = (directory: string): string =>
  DEFINITION_FILES.find((file) => existsSync(join(directory, file))) ?? DEFINITION_FILES[0];

/** The text of a definition as it lies in the directory, committed or not. */
export const definitionAt = async (directory: string, file: string): Promise<string> => {
  const path = join(directory, file);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new CommandFailure(EXIT.usage, `there is no file ${path}; say which with -C and --file`);
  if (found.size > MOST_BYTES)
    throw new CommandFailure(EXIT.usage, `${path} has ${found.size} bytes, which is no definition`);
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.usage, `${path} cannot be read: ${error.code ?? error.message}`);
  });
};
