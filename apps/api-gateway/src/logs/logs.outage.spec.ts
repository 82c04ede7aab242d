import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { JobSucceeded } from '@foldline/contracts';
import { PermanentError, TransientError, type LogStore } from '@foldline/kernel';
import { removeDirectory, startGateway, TOKEN, type Gateway } from '../gateway.fixture.ts';
import { startJob } from '../started-job.fixture.ts';

let gateway: Gateway & { directory: string };
let whole: LogStore['state'];
let made = 0;

beforeAll(async () => {
  gateway = await startGateway();
  whole = gateway.ports.logStore.state.bind(gateway.ports.logStore);
  await gateway
    .as('post', '/api/v1/projects')
    .send({ owner: 'ada', name: 'engine', url: gateway.repository.url })
    .expect(201);
});
afterEach(() => {
  gateway.ports.logStore.state = whole;
});
afterAll(async () => {
  await gateway.close();
  removeDirectory(gateway.directory);
});

/** From now on nobody is told how far a log has come; the promise is of so many who asked in vain. */
const breakStore = (error: Error, times: number): Promise<void> =>
  new Promise((resolve) => {
    let asked = 0;
    gateway.ports.logStore.state = async () => {
      asked += 1;
      if (asked === times) resolve();
      throw error;
    };
  });

/** A job that has ended, one line of its log, and somebody who follows it. */
const followed = async () => {
  const { jobId, pipelineId, attemptId } = await startJob(gateway, `outage${(made += 1)}`);
  const { logStore } = gateway.ports;
  await logStore.append(attemptId, { sequence: 0, offset: 0, bytes: Buffer.from('one\n') });
  const path = `/api/ada/engine/jobs/${jobId}/logs?follow=true`;
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const end = async (): Promise<void> => {
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, JobSucceeded({ pipelineId, jobId, attempt: 1 }));
  };
  const seal = async (): Promise<void> => {
    await logStore.append(attemptId, { sequence: 1, offset: 4, bytes: Buffer.from('two\n') });
    const sha256 = createHash('sha256').update('one\ntwo\n').digest('hex');
    await logStore.seal(attemptId, { bytes: 8, sha256 });
  };
  return { text: response.text(), end, seal };
};

describe('whoever follows a log while the log store is down', () => {
  it('waits, and is shown the rest when it answers again', async () => {
    const { text, end, seal } = await followed();
    const askedInVain = breakStore(new TransientError('the log store does not answer'), 2);
    await end();
    await askedInVain;
    gateway.ports.logStore.state = whole;
    await seal();
    expect(await text).toBe('one\ntwo\n');
  });

  it('finds the answer cut off, not whole, when the log store is broken for good', async () => {
    const { text, end } = await followed();
    void breakStore(new PermanentError('the log is damaged'), 1);
    const cut = expect(text).rejects.toThrow();
    await end();
    await cut;
    await gateway.as('get', '/healthz').expect(200);
  });
});
