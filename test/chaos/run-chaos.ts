import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { whenAsked } from '@foldline/testing';

const PROGRAM = fileURLToPath(new URL('chaos.mjs', import.meta.url));

/** Runs the program as a person would; answers with what it said and how it ended. */
export const chaos = async (...args: string[]): Promise<{ code: number | null; said: string }> => {
  const program = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  program.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => program.once('exit', resolve));
  return { code, said };
};

/** Chaos runs bring servers of their own and take many minutes. */
export const whenChaosIsAskedFor = (suite: () => void): void => whenAsked('FOLDLINE_TEST_CHAOS', suite);
