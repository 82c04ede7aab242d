import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DownstreamRequested,
  JobCancelled,
  JobQueued,
  JobSucceeded,
  LogPruned,
  type NewEvent,
} from '@foldline/contracts';
import { WebSocket, type ClientOptions } from 'ws';
import {
  closeAndRemove,
  removeDirectory,
  startGateway,
  startGatewayWithProject,
  TOKEN,
  type StartedGateway,
} from '../gateway.fixture.ts';
import { startJob, type StartedJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

/** Writes the log of an attempt as a runner does: in frames, each of which continues the one before. */
class Writer {
  private all = Buffer.alloc(0);
  private sequence = 0;
  constructor(private readonly attemptId: string) {}
  async write(content: string | Buffer): Promise<void> {
    const bytes = Buffer.from(content);
    await gateway.ports.logStore.append(this.attemptId, { sequence: this.sequence, offset: this.all.length, bytes });
    this.all = Buffer.concat([this.all, bytes]);
    this.sequence += 1;
  }
  async seal(): Promise<void> {
    const sha256 = createHash('sha256').update(this.all).digest('hex');
    await gateway.ports.logStore.seal(this.attemptId, { bytes: this.all.length, sha256 });
  }
}

let made = 0;
const newJob = async (): Promise<StartedJob & { log: Writer; path: string }> => {
  const job = await startJob(gateway, `log${(made += 1)}`);
  return { ...job, log: new Writer(job.attemptId), path: `/api/ada/engine/jobs/${job.jobId}/logs` };
};

const AUTHORIZED: ClientOptions = { headers: { authorization: `Bearer ${TOKEN}` } };
const socketTo = (jobId: string, query = '', options = AUTHORIZED, protocols: string[] = []): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${gateway.port}/ws/jobs/${jobId}/logs${query}`, protocols, options);

/** Everything that a socket brings, and how it closed. */
const collect = (socket: WebSocket): Promise<{ messages: string[]; code: number }> =>
  new Promise((resolve, reject) => {
    const messages: string[] = [];
    socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? 'BINARY' : data.toString('utf8')));
    socket.on('close', (code) => resolve({ messages, code }));
    socket.on('error', reject);
  });
const refusedWith = (socket: WebSocket): Promise<number> =>
  new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!));
    socket.on('open', () => reject(new Error('the socket opened')));
    socket.on('error', () => {});
  });

describe('the log of a job', () => {
  it('says that it was pruned, and when, as text, as events and on a socket', async () => {
    const { path, pipelineId, jobId, attemptId } = await newJob();
    const because = { rule: 'age', detail: 'its job ended more than 7 days ago' } as const;
    const pruned = LogPruned({ attemptId, jobId, pipelineId, bytes: 7, sha256: 'e'.repeat(64), because });
    const [{ recordedAt } = { recordedAt: '' }] = await gateway.record(`log-${attemptId}`, pipelineId, pruned);
    for (const accept of ['text/plain', 'text/event-stream']) {
      const { body } = await gateway.as('get', path).set('Accept', accept).expect(410);
      expect(body).toMatchObject({ code: 'log_pruned', detail: expect.stringContaining(recordedAt) });
    }
    expect(await refusedWith(socketTo(jobId))).toBe(410);
  });

  it('is sent as it is, in part or as a whole', async () => {
    const { log, path } = await newJob();
    await log.write('first line\nsecond line\n');
    const whole = await gateway.as('get', path).expect(200);
    expect(whole.text).toBe('first line\nsecond line\n');
    expect(whole.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-log-complete': 'false',
      'content-length': '23',
    });
    expect((await gateway.as('get', `${path}?offset=11`).expect(200)).text).toBe('second line\n');
    const part = await gateway.as('get', path).set('Range', 'bytes=0-4').expect(206);
    expect({ text: part.text, range: part.headers['content-range'] }).toEqual({ text: 'first', range: 'bytes 0-4/23' });
    await gateway.as('get', path).set('Range', 'bytes=100-').expect(416);
    await log.seal();
    expect((await gateway.as('get', path)).headers['x-log-complete']).toBe('true');
  });

  it('is whole for whoever asks when the job has just ended, and what there is when the rest does not come', async () => {
    const { log, path, pipelineId, jobId } = await newJob();
    await log.write('first\n');
    await gateway.record(`pipeline-${pipelineId}`, pipelineId, JobSucceeded({ pipelineId, jobId, attempt: 1 }));
    const early = await gateway.as('get', path).expect(200);
    expect({ text: early.text, complete: early.headers['x-log-complete'] }).toEqual({
      text: 'first\n',
      complete: 'false',
    });
    const asked = gateway.as('get', path).then((answer) => answer);
    await log.write('last\n');
    await log.seal();
    const { text, headers } = await asked;
    expect({ text, complete: headers['x-log-complete'] }).toEqual({ text: 'first\nlast\n', complete: 'true' });
  });

  it('is empty before the job has written anything', async () => {
    const { path } = await newJob();
    expect((await gateway.as('get', path).expect(200)).text).toBe('');
    await gateway.as('get', `${path}?attempt=2`).expect(404);
    await gateway.as('get', `${path}?attempt=0`).expect(400);
  });

  it('can be followed until it is complete', async () => {
    const { log, path } = await newJob();
    await log.write('one\n');
    const response = await fetch(`http://127.0.0.1:${gateway.port}${path}?follow=true`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('one\n');
    await log.write('two\n');
    expect((await reader.read()).value).toBe('two\n');
    await log.seal();
    expect((await reader.read()).done).toBe(true);
  });

  it('comes as events that a client can take up again where it was', async () => {
    const { log, path } = await newJob();
    await log.write('caf\u00e9\n');
    await log.write('tea\n');
    await log.seal();
    const events = gateway.as('get', path).set('Accept', 'text/event-stream');
    const { text, headers } = await events.expect(200);
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(text).toContain('id: 10\nevent: log\n');
    expect(text).toContain('event: end\ndata: {"offset":10}\n\n');
    const rest = await gateway.as('get', path).set('Accept', 'text/event-stream').set('Last-Event-ID', '6').expect(200);
    expect(rest.text).toContain('data: {"offset":6,"text":"tea\\n"}');
    expect(rest.text).not.toContain('caf');
  });
});

describe('the log socket', () => {
  it('brings everything in order, 100,000 lines too, and closes when the log is complete', async () => {
    const { log, jobId } = await newJob();
    const got = collect(socketTo(jobId));
    const lines = Array.from({ length: 100_000 }, (_, n) => `line ${n} \u20ac\n`).join('');
    const bytes = Buffer.from(lines);
    for (let at = 0; at < bytes.length; at += 65_537) await log.write(bytes.subarray(at, at + 65_537));
    await log.seal();
    const { messages, code } = await got;
    expect(code).toBe(1000);
    expect(messages.join('') === lines).toBe(true);
    expect(messages.some((message) => message.includes('\ufffd'))).toBe(false);
  });

  it('goes on from an offset', async () => {
    const { log, jobId } = await newJob();
    await log.write('first\nsecond\n');
    await log.seal();
    expect(await collect(socketTo(jobId, '?offset=6'))).toEqual({ messages: ['second\n'], code: 1000 });
  });

  it('takes the token from a browser as a protocol', async () => {
    const { log, jobId } = await newJob();
    await log.write('x');
    await log.seal();
    const socket = socketTo(jobId, '', {}, ['foldline', `bearer.${TOKEN}`]);
    expect(await collect(socket)).toEqual({ messages: ['x'], code: 1000 });
    expect(socket.protocol).toBe('foldline');
  });

  it('is refused without a token, with a wrong one, and with one in the URL', async () => {
    const { jobId } = await newJob();
    expect(await refusedWith(socketTo(jobId, '', {}))).toBe(401);
    expect(await refusedWith(socketTo(jobId, '', {}, ['bearer.wrong']))).toBe(401);
    expect(await refusedWith(socketTo(jobId, `?token=${TOKEN}`, {}))).toBe(401);
  });

  it.each(['https://evil.example', 'null'])('is refused to pages of %s', async (origin) => {
    const { jobId } = await newJob();
    expect(await refusedWith(socketTo(jobId, '', { headers: { authorization: `Bearer ${TOKEN}`, origin } }))).toBe(403);
  });

  it('opens to pages of this server', async () => {
    const { log, jobId } = await newJob();
    await log.write('x');
    await log.seal();
    const headers = { authorization: `Bearer ${TOKEN}`, origin: `http://127.0.0.1:${gateway.port}` };
    expect((await collect(socketTo(jobId, '', { headers }))).code).toBe(1000);
  });

  it('is refused for what is no job, and for offsets that are none', async () => {
    const { jobId } = await newJob();
    expect(await refusedWith(socketTo('nothing.0'))).toBe(404);
    expect(await refusedWith(socketTo(jobId, '?offset=-1'))).toBe(400);
    expect(await refusedWith(new WebSocket(`ws://127.0.0.1:${gateway.port}/ws/other`, AUTHORIZED))).toBe(404);
  });

  it('closes when the job ends without having begun', async () => {
    const { pipelineId } = await newJob();
    const about = { pipelineId, jobId: `${pipelineId}.1`, attempt: 1 };
    const because = { rule: 'played', detail: 'somebody started it', jobs: [] };
    const record = (event: NewEvent) => gateway.record(`pipeline-${pipelineId}`, pipelineId, event);
    await record(JobQueued({ ...about, priority: 5, because }));
    const socket = socketTo(about.jobId);
    const got = collect(socket);
    await once(socket, 'open');
    await record(JobCancelled(about));
    expect(await got).toEqual({ messages: [], code: 1000 });
  });

  it('closes when a job ends that only started another pipeline, and its log is over for whoever asks then', async () => {
    const { pipelineId, context } = await newJob();
    const about = { pipelineId, jobId: `${pipelineId}.1`, attempt: 1 };
    const record = (event: NewEvent) => gateway.record(`pipeline-${pipelineId}`, pipelineId, event);
    await record(
      DownstreamRequested({
        ...about,
        downstreamId: 'below',
        project: context.project,
        of: { kind: 'project', project: 'bob/library' },
        variables: {},
        upstream: { ...about, project: 'ada/engine', depth: 1, budget: 9 },
        because: { rule: 'played', detail: 'somebody started it', jobs: [] },
      }),
    );
    const socket = socketTo(about.jobId);
    const got = collect(socket);
    await once(socket, 'open');
    await record(JobSucceeded(about));
    expect(await got).toEqual({ messages: [], code: 1000 });
    const path = `/api/ada/engine/jobs/${about.jobId}/logs`;
    expect((await gateway.as('get', path).set('Accept', 'text/event-stream').expect(200)).text).toContain('event: end');
  });
});

describe('a server that stops', () => {
  it('tells its sockets to come back later, and ends its event streams', async () => {
    const stopping = await startGateway();
    const { jobId } = await startJob(stopping, 'p1');
    const socket = new WebSocket(`ws://127.0.0.1:${stopping.port}/ws/jobs/${jobId}/logs`, AUTHORIZED);
    const closed = collect(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    const headers = { authorization: `Bearer ${TOKEN}`, accept: 'text/event-stream' };
    const events = await fetch(`http://127.0.0.1:${stopping.port}/api/v1/events`, { headers });
    await stopping.close();
    expect((await closed).code).toBe(1012);
    expect(await events.text()).toContain('event: PipelineStarted');
    removeDirectory(stopping.directory);
  });
});
