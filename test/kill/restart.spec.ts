import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Sandbox, until } from '@foldline/client';

const FIRST_ATTEMPT_HANGS = `
work:
  script:
    - if [ "$CI_JOB_ATTEMPT" = 1 ]; then sleep 60; fi
    - echo attempt $CI_JOB_ATTEMPT
`;

describe('a server that starts again after it died', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.start();
    sandbox.commit({ '.codara-ci.yml': FIRST_ATTEMPT_HANGS });
  });
  afterEach(() => sandbox.stop());

  const attemptDirectories = (): string => join(sandbox.server.dataDirectory, 'runners', 'jobs');
  const killedWhileWorking = async (): Promise<string> => {
    const { id } = await sandbox.trigger();
    await sandbox.jobIs(id, 'work', 'running');
    await until('the directory of the attempt', () => readdirSync(attemptDirectories()).length > 0);
    await sandbox.server.kill();
    return id;
  };

  it('reports what it had been working on as lost and does it again', async () => {
    const id = await killedWhileWorking();

    await sandbox.restart();

    const { status, jobs } = await sandbox.rested(id);
    expect({ status, attempt: jobs[0]!.attempt }).toEqual({ status: 'success', attempt: 2 });
    expect(await sandbox.log(`${id}.0`)).toContain('attempt 2');
  });

  it('does so also when a power cut took what it had noted on disk beside the log', async () => {
    const id = await killedWhileWorking();
    rmSync(attemptDirectories(), { recursive: true });

    await sandbox.restart();

    const { status, jobs } = await sandbox.rested(id);
    expect({ status, attempt: jobs[0]!.attempt }).toEqual({ status: 'success', attempt: 2 });
    expect((await sandbox.client.get<{ items: unknown[] }>(`/api/v1/parked`)).items).toEqual([]);
  });
});
