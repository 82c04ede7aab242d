import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ArtifactCommitted, serializeManifest } from '@foldline/contracts';
import { TransientError, type ObjectStore } from '@foldline/kernel';
import { closeAndRemove, startGateway, TOKEN, type StartedGateway } from '../gateway.fixture.ts';
import { startJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;
let base: string;
let whole: ObjectStore['get'];
/** Too much to fit into what lies between the store and a client. */
const content = randomBytes(24 * 1024 * 1024);
const HALF = content.length / 2;

beforeAll(async () => {
  gateway = await startGateway();
  const { objectStore } = gateway.ports;
  whole = objectStore.get.bind(objectStore);
  await gateway
    .as('post', '/api/v1/projects')
    .send({ owner: 'ada', name: 'engine', url: gateway.repository.url })
    .expect(201);
  const { jobId, pipelineId, context } = await startJob(gateway, 'p1');
  base = `/api/ada/engine/jobs/${jobId}/artifacts`;
  const { digest, bytes } = await objectStore.put(content);
  const files = ['one.bin', 'two.bin'];
  const entries = files.map((path) => ({ kind: 'file' as const, path, mode: 0o644, size: bytes, digest }));
  const { digest: manifestDigest } = await objectStore.put(serializeManifest(entries));
  const artifact = { artifactId: 'a1', pipelineId, jobId, projectId: context.project.id, attempt: 1, manifestDigest };
  const about = { name: 'all', kind: 'archive' as const, files: 2, bytes: 2 * bytes };
  const expiresAt = '2031-01-01T00:00:00.000Z';
  await gateway.record('artifact-a1', pipelineId, ArtifactCommitted({ ...artifact, ...about, expiresAt }));
});
afterEach(() => {
  gateway.ports.objectStore.get = whole;
});
afterAll(() => closeAndRemove(gateway));

const down = new TransientError('S3: could not read an object (ECONNRESET)');

/** Streams that the store has handed out, and how many of them were given back. */
const handOut = (bodyOf: () => AsyncIterable<Buffer>): { streams: Readable[] } => {
  const streams: Readable[] = [];
  gateway.ports.objectStore.get = async () => {
    const stream = Readable.from(bodyOf(), { objectMode: false });
    streams.push(stream);
    return stream;
  };
  return { streams };
};

async function* brokenMidway(): AsyncGenerator<Buffer> {
  for (let at = 0; at < HALF; at += 65_536) yield content.subarray(at, at + 65_536);
  throw down;
}

const read = async (path: string): Promise<number> => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, { headers });
  return (await answer.arrayBuffer()).byteLength;
};

describe.each([
  ['an archive', ''],
  ['a file', '/files/one.bin'],
])('the download of %s while the object store is down', (_what, path) => {
  it('is answered with 503 and when to come again', async () => {
    gateway.ports.objectStore.get = async () => {
      throw down;
    };
    const { body, headers } = await gateway.as('get', base + path).expect(503);
    expect(body).toMatchObject({ code: 'unavailable' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is answered with 503 when nothing was sent yet', async () => {
    handOut(async function* () {
      yield* [];
      throw down;
    });
    await gateway.as('get', base + path).expect(503);
  });

  it('is cut off when it breaks midway, and does not look whole', async () => {
    handOut(brokenMidway);
    await expect(read(base + path)).rejects.toThrow();
    await gateway.as('get', '/healthz').expect(200);
  });

  it('gives back what it had taken from the store when the client goes away', async () => {
    const { streams } = handOut(async function* () {
      for (;;) yield Buffer.alloc(65_536, 1);
    });
    const request = get(`http://127.0.0.1:${gateway.port}${base}${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const [response] = (await once(request, 'response')) as [Readable];
    await once(response, 'data');
    const closed = Promise.all(streams.map((stream) => once(stream, 'close').catch(() => undefined)));
    request.destroy();
    await closed;
    expect(streams.every(({ destroyed }) => destroyed)).toBe(true);
  });
});
