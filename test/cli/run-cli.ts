import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LONGEST_MS = 60_000;

export type Ended = { code: number; stdout: string; stderr: string };

/** A command of the workspace on a data directory, to its end. */
export const run = (
  command: string,
  args: readonly string[],
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const environment = { ...process.env, ...settings, FOLDLINE_DATA_DIR: dataDirectory, NO_COLOR: '1' };
    execFile(
      command,
      args,
      { cwd: ROOT, env: environment, timeout: LONGEST_MS, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
  });

/** The command as README gives it. */
export const foldline = (
  args: readonly string[],
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Ended> => run('npm', ['run', '-s', 'foldline', '--', ...args], dataDirectory, settings);
