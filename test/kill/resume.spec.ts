import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('kill-resume.mjs', import.meta.url));
const KILLS = 2;
const SEED = 3;

describe('A07 a job whose runner is killed in the middle of a step', () => {
  it(`goes on with the workspace of an undisturbed run, over ${KILLS} kills (seed ${SEED})`, async () => {
    const program = spawn(process.execPath, [PROGRAM, '--kills', String(KILLS), '--seed', String(SEED)]);
    let said = '';
    for (const stream of [program.stdout, program.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    const code = await new Promise<number | null>((resolve) => program.once('exit', resolve));

    expect(said).toContain(`${KILLS} kills, ${KILLS} went on behind a step`);
    expect(said).toContain('wrong: 0');
    expect(code).toBe(0);
  }, 120_000);
});
