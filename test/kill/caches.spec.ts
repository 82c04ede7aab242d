import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('kill-caches.mjs', import.meta.url));
const OPERATIONS = 150;
const SEED = 7;

describe('caches that several runners restore and save while these are killed', () => {
  it(`are never torn and never mixed, over ${OPERATIONS} operations (seed ${SEED})`, async () => {
    const program = spawn(process.execPath, [PROGRAM, '--operations', String(OPERATIONS), '--seed', String(SEED)]);
    let said = '';
    for (const stream of [program.stdout, program.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    const code = await new Promise<number | null>((resolve) => program.once('exit', resolve));

    expect(said).toContain('wrong: 0');
    expect(code).toBe(0);
  }, 120_000);
});
