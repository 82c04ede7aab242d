import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('hostile.mjs', import.meta.url));
const COUNT = 300;
const SEED = 7;

// Runs what `tsc -b` made.
describe('definitions that are broken on purpose', () => {
  it(`get a plan or problems, ${COUNT} of them (seed ${SEED})`, async () => {
    const args = [PROGRAM, '--count', String(COUNT), '--seed', String(SEED), '--children', '20', '--p99', '2000'];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);

    expect(stdout).toContain('wrong: 0');
    expect(stdout).toContain(`definitions: ${COUNT} `);
  }, 120_000);
});
