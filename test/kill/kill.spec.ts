import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('kill-server.mjs', import.meta.url));
const KILLS = 12;
const SEED = 20;

/** Runs the program as a person would; answers with what it said and how it ended. */
const killTest = async (...args: string[]): Promise<{ code: number | null; said: string }> => {
  const program = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  program.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => program.once('exit', resolve));
  return { code, said };
};

describe('a standalone server that is killed while it works', () => {
  it(`keeps every promise over ${KILLS} kills (seed ${SEED})`, async () => {
    const { code, said } = await killTest('--kills', String(KILLS), '--seed', String(SEED));

    expect(said).toContain('violations: 0');
    expect(code).toBe(0);
  }, 150_000);
});
