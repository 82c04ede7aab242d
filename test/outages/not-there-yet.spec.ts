import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ChildProgram, serviceProgram } from '@foldline/client';
import { freePort } from '@foldline/testing';

const START_MS = 90_000;

describe.each(['api-gateway', 'runner', 'notifier'] as const)('%s, whose servers are not there yet', (service) => {
  let directory: string;
  let program: ChildProgram;
  let operations: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-not-there-'));
    const [nobody, operationsPort] = [await freePort(), await freePort()];
    operations = `http://127.0.0.1:${operationsPort}`;
    program = new ChildProgram({
      name: service,
      args: [serviceProgram(service)],
      environment: {
        PATH: process.env['PATH'],
        FOLDLINE_MODE: 'distributed',
        FOLDLINE_DATA_DIR: join(directory, 'data'),
        FOLDLINE_PORT: '0',
        FOLDLINE_OPS_PORT: String(operationsPort),
        FOLDLINE_EVENTSTORE_URL: `esdb://127.0.0.1:${nobody}?tls=false`,
        FOLDLINE_KAFKA_BROKERS: `127.0.0.1:${nobody}`,
        FOLDLINE_REDIS_URL: `redis://127.0.0.1:${nobody}`,
        FOLDLINE_S3_URL: `http://127.0.0.1:${nobody}/foldline`,
        FOLDLINE_S3_ACCESS_KEY: 'key',
        FOLDLINE_S3_SECRET_KEY: 'secret',
        FOLDLINE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        ...(service === 'api-gateway'
          ? {
              FOLDLINE_ADMIN_TOKEN: 'a-token-that-is-long-enough',
              FOLDLINE_WEBHOOK_SECRET: 'a-secret-that-is-long-enough',
            }
          : {}),
      },
      logFile: join(directory, 'log'),
      isUp: /"a server does not answer yet; waiting for it"/,
    });
    await program.start();
  }, START_MS);
  afterEach(async () => {
    await program.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  it(
    'answers that it lives and is not ready, and ends in order when it is told to',
    async () => {
      expect((await fetch(`${operations}/healthz`)).status).toBe(200);
      const ready = await fetch(`${operations}/readyz`);
      expect([ready.status, await ready.json()]).toEqual([503, { status: 'starting' }]);
      expect(await program.stop()).toBe(0);
      expect(program.failures).toEqual([]);
    },
    START_MS,
  );
});
