import { execFile } from 'node:child_process';
import { CommandFailure, EXIT } from '../command-failure.ts';

/** As runners do: nothing of the user's configuration changes what files are like. */
const PLAIN = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
/** No hooks of anybody, and no questions. */
const OPTIONS = ['-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false', '-c', 'gc.auto=0'];

/** The server says it, and git would take options in its place. */
const SHA = /^[0-9a-f]{40}$/;

type Commit = { url: string; sha: string; into: string; environment: Readonly<Record<string, string | undefined>> };

/**
 * Clones a repository into an empty directory, with the rights of whoever calls, and checks a commit out, as runners do.
 * Throws `CommandFailure` with what git says.
 */
export const cloneCommit = async ({ url, sha, into, environment }: Commit): Promise<void> => {
  const git = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string | undefined> =>
    problemOf([...OPTIONS, ...args], { ...environment, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...more });
  const orFail = async (problem: Promise<string | undefined>, doing: string): Promise<void> => {
    const said = await problem;
    if (said !== undefined) throw new CommandFailure(EXIT.failed, `git could not ${doing}: ${said}`);
  };
  if (!SHA.test(sha)) throw new CommandFailure(EXIT.failed, 'the server names no commit that git could check out');
  await orFail(git(['clone', '--quiet', '--no-checkout', '--', url, into]), `clone ${url}`);
  const isThere = (await git(['-C', into, 'cat-file', '-e', `${sha}^{commit}`])) === undefined;
  // No branch leads to it any more; servers may hand it out by its id.
  if (!isThere) await orFail(git(['-C', into, 'fetch', '--quiet', 'origin', sha]), `fetch the commit ${sha}`);
  await orFail(git(['-C', into, 'checkout', '--quiet', '--detach', sha], PLAIN), `check out ${sha}`);
};

/** What git says when it does not end well. */
const problemOf = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile('git', args, { env }, (error, _stdout, stderr) =>
      resolve(error === null ? undefined : stderr.trim() || error.message),
    );
  });
