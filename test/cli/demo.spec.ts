import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { foldline } from './run-cli.ts';

const directory = mkdtempSync(join(tmpdir(), 'foldline-demo-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('foldline demo', () => {
  it.each(['first', 'second'])(
    'goes as it should the %s time on the same data directory',
    async () => {
      const { code, stdout, stderr } = await foldline(['demo'], directory);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('The demo went as it should.');
      expect(stdout).toContain('equal to the live ones');
    },
    60_000,
  );
});
