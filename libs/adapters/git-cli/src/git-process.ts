import { spawn } from 'node:child_process';
import { PermanentError, TransientError } from '@foldline/kernel';

export type GitResult = { code: number; stdout: Buffer; stderr: string };
type Options = { cwd?: string; timeoutMs?: number; maxBytes?: number };

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 16 * 1024;

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
const CONFIGURATION = [
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
  (inherited: Readonly<Record<string, string>>): Git =>
  (args, options = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn('git', [...CONFIGURATION, ...args], {
        cwd: options.cwd,
        env: { ...inherited, ...ENVIRONMENT },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      let stderr = '';
      let failure: Error | undefined;
      const abandon = (error: Error): void => {
        failure ??= error;
        if (child.pid !== undefined) killGroup(child.pid);
      };
      const timer = setTimeout(
        () => abandon(new TransientError(`git ${args[0]} took longer than ${options.timeoutMs ?? TIMEOUT_MS} ms`)),
        options.timeoutMs ?? TIMEOUT_MS,
      );
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > (options.maxBytes ?? MAX_BYTES))
          abandon(new PermanentError(`git ${args[0]} answered more than ${options.maxBytes ?? MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        if (stderr.length < MAX_ERROR_BYTES) stderr += chunk.toString('utf8');
      });
      child.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        const message = `git could not be started: ${error.message}`;
        reject(
          error.code === 'ENOENT'
            ? new PermanentError(message, { cause: error })
            : new TransientError(message, { cause: error }),
        );
      });
      child.on('close', (code) => {
        clearTimeout(timer);
        if (failure) reject(failure);
        else resolve({ code: code ?? 128, stdout: Buffer.concat(chunks), stderr });
      });
    });

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};
