import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { JobSucceeded } from '@foldline/contracts';
import { PermanentError, TransientError, type ReadStore } from '@foldline/kernel';
import { closeAndRemove, startGateway, TOKEN, type StartedGateway } from '../gateway.fixture.ts';
import { startJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;
let whole: ReadStore['get'];
let made = 0;

beforeAll(async () => {
  gateway = await startGateway();
  whole = gateway.ports.readStore.get.bind(gateway.ports.readStore);
  await gateway
    .as('post', '/api/v1/projects')
    .send({ owner: 'ada', name: 'engine', url: gateway.repository.url })
    .expect(201);
});
afterEach(() => {
  gateway.ports.readStore.get = whole;
});
afterAll(() => closeAndRemove(gateway));

/** From now on whoever asks for a document is answered so; the promise is of so many who have asked. */
const answering = (get: ReadStore['get'], times: number): Promise<void> =>
  new Promise((resolve) => {
    let asked = 0;
    gateway.ports.readStore.get = (collection, id) => {
      asked += 1;
      if (asked === times) resolve();
      return get(collection, id);
    };
  });
const failing = (error: Error) => () => Promise.reject(error);

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

describe('whoever follows the log of a job that has ended', () => {
  it('is told so when the log is sealed, however long that takes', async () => {
    const { text, end, seal } = await followed();
    const askedOften = answering(whole, 5);
    await end();
    await askedOften;
    await seal();
    expect(await text).toBe('one\ntwo\n');
  });

  it('waits while it is not known how the job stands', async () => {
    const { text, end, seal } = await followed();
    const askedInVain = answering(failing(new TransientError('the read store does not answer')), 2);
    await end();
    await askedInVain;
    gateway.ports.readStore.get = whole;
    await seal();
    expect(await text).toBe('one\ntwo\n');
  });

  it('finds the answer cut off, not whole, when that will never be known', async () => {
    const { text, end } = await followed();
    void answering(failing(new PermanentError('the read models are damaged')), 1);
    const cut = expect(text).rejects.toThrow();
    await end();
    await cut;
    await gateway.as('get', '/healthz').expect(200);
  });
});
