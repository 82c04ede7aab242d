import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { whenAsked, withRealServer } from '@foldline/testing';

const PROGRAM = fileURLToPath(new URL('kill-containers.mjs', import.meta.url));
const KILLS = 4;
const SEED = 7;

const suite = (): void =>
  describe('a server that is killed while its jobs run in containers', () => {
    it(`leaves nothing of them, and one outcome of each attempt, over ${KILLS} kills (seed ${SEED})`, async () => {
      const program = spawn(process.execPath, [PROGRAM, '--kills', String(KILLS), '--seed', String(SEED)]);
      let said = '';
      for (const stream of [program.stdout, program.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
      const code = await new Promise<number | null>((resolve) => program.once('exit', resolve));

      expect(said).toContain('left: 0 containers, 0 networks, 0 directories');
      expect(said).toContain('violations: 0');
      expect(code).toBe(0);
    }, 120_000);
  });

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
