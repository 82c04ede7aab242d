import type { Spawner } from '@foldline/spawner';

export type GitResult = { code: number; stdout: Buffer; stderr: string };
type Options = { cwd?: string; timeoutMs?: number; maxBytes?: number };

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** What git says of itself when a signal ends it. */
const ENDED_BY_SIGNAL = 128;

/** Nothing of the host's or the user's configuration, no prompts, no hooks, no transports that run programs. */
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ALLOW_PROTOCOL: 'file:https:http:ssh:git',
  GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
  GIT_ASKPASS: 'true',
  LC_ALL: 'C',
};
/** Single objects are synced as packs are: an empty one after a power cut would spoil its commit for good. */
const DURABLE = ['core.fsync=objects,reference', 'core.fsyncMethod=batch'];
const CONFIGURATION = [
  ...DURABLE,
  'core.hooksPath=/dev/null',
  'protocol.ext.allow=never',
  'safe.directory=*',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
].flatMap((entry) => ['-c', entry]);

export type Git = (args: readonly string[], options?: Options) => Promise<GitResult>;

/**
 * Runs git with the given arguments, never through a shell, in a process group that is killed when the time is over.
 * A non-zero exit is a result; not being able to run git is an error. `inherited` says where programs and keys are.
 */
export const createGit =
  (spawner: Spawner, inherited: Readonly<Record<string, string>>): Git =>
  async (args, { cwd, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = {}) => {
    const request = {
      file: 'git',
      args: [...CONFIGURATION, ...args],
      env: { ...inherited, ...ENVIRONMENT },
      ...(cwd === undefined ? {} : { cwd }),
    };
    const { exitCode, stdout, stderr } = await spawner.run(request, { timeoutMs, maxBytes });
    return { code: exitCode ?? ENDED_BY_SIGNAL, stdout, stderr: stderr.toString('utf8') };
  };
