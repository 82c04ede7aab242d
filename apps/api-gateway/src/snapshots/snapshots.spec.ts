import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  serializeLayered,
  SnapshotPruned,
  SnapshotTaken,
  StepFinished,
  type LayeredEntry,
  type TreeLayer,
} from '@foldline/contracts';
import { writeImage } from '@foldline/squashfs';
import { extract } from 'tar-stream';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { startJob, type StartedJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;
let directory: string;
let job: StartedJob;

type Tree = { manifestDigest: string; layers: TreeLayer[] };
type Members = Record<string, { type: string; mode: number; linkname: string | null | undefined; content: string }>;

/** A tree of one layer with these files, as a runner would store it. */
const stored = async (
  files: Record<string, string>,
  others: LayeredEntry[] = [],
  { gone, change = (entry) => entry }: { gone?: string[]; change?: (entry: LayeredEntry) => LayeredEntry } = {},
): Promise<Tree> => {
  const root = mkdtempSync(join(directory, 'tree-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const places = Object.entries(files).map(([path, { length: size }]) => ({ path, mode: 0o644, mtime: 1, size }));
  const image = `${root}.image`;
  const packing = { root, entries: places.map((place) => ({ kind: 'file' as const, ...place })), madeAt: 1 };
  const packed = await writeImage(image, packing);
  const { digest, bytes } = await gateway.ports.objectStore.putFile(image);
  const layers = [{ digest, bytes, content: 1 }];
  const entries = packed.map(({ path, blocks, ...place }): LayeredEntry => {
    const mode = path.endsWith('.sh') ? 0o755 : 0o644;
    return change({ kind: 'file', path, mode, mtime: 1_700_000_000, layer: 0, blocks: [...blocks], ...place });
  });
  const manifest = await gateway.ports.objectStore.put(serializeLayered(layers, [...entries, ...others], gone));
  return { manifestDigest: manifest.digest, layers };
};

const about = ({ attemptId, pipelineId, jobId, context }: StartedJob) => ({
  attemptId,
  pipelineId,
  jobId,
  projectId: context.project.id,
  attempt: 1,
});
const taken = (of: StartedJob, step: number, different: Partial<Tree>, below: Tree[] = []) => {
  const trees = below.map((tree, cache) => ({ cache, ...tree }));
  const what = { ...about(of), step, trees, ...different, files: 1, bytes: 2, durationMs: 3 };
  return gateway.record(`attempt-${of.attemptId}`, of.pipelineId, SnapshotTaken(what));
};
const finished = (of: StartedJob, step: number, name: string) => {
  const { projectId: _projectId, ...attempt } = about(of);
  const what = { ...attempt, index: step, step, name, outcome: 'success' as const, durationMs: 1 };
  return gateway.record(`attempt-${of.attemptId}`, of.pipelineId, StepFinished(what));
};
const base = ({ jobId }: StartedJob): string => `/api/ada/engine/jobs/${jobId}/snapshots`;

const download = (path: string) =>
  gateway
    .as('get', path)
    .buffer(true)
    .parse((response, done) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done(null, Buffer.concat(chunks)));
    });
const unpacked = async (path: string): Promise<Members> => {
  const { body } = await download(path).expect(200).expect('content-type', 'application/gzip');
  const members: Members = {};
  for await (const entry of Readable.from([body as Buffer])
    .pipe(createGunzip())
    .pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name, type, mode, linkname } = entry.header;
    members[name] = { type: type!, mode: mode!, linkname, content: Buffer.concat(chunks).toString() };
  }
  return members;
};

beforeAll(async () => {
  gateway = await startGatewayWithProject();
  directory = mkdtempSync(join(tmpdir(), 'foldline-snapshots-'));
  job = await startJob(gateway, 'p1');
  const cache = await stored({ 'deps/one': 'one', 'deps/two': 'two', env: 'a file' });
  const different = await stored(
    { 'src/main.ts': 'changed', 'made/run.sh': '#!/bin/sh\n', 'made/empty': '', large: 'x'.repeat(300_000) },
    [
      { kind: 'dir', path: 'made', mode: 0o700, mtime: 1_700_000_000 },
      { kind: 'link', path: 'env', target: '/usr/bin/env', mtime: 1_700_000_000 },
    ],
    { gone: ['README.md', 'deps/two', 'na\u00efve name'] },
  );
  await finished(job, 0, 'Install');
  await taken(job, 0, {}, [cache]);
  await finished(job, 1, 'Build');
  await taken(job, 1, different, [cache]);
});
afterAll(async () => {
  await closeAndRemove(gateway);
  rmSync(directory, { recursive: true });
});

describe('What the steps of a job have made', () => {
  it('is listed by attempt and step', async () => {
    const { body } = await gateway.as('get', base(job)).expect(200);
    const rest = { attempt: 1, files: 1, bytes: 2, takenAt: expect.any(String), available: true };
    expect(body.items).toEqual([
      { step: 0, name: 'Install', ...rest },
      { step: 1, name: 'Build', ...rest },
    ]);
  });

  it('is listed page by page', async () => {
    const { body, headers } = await gateway.as('get', `${base(job)}?limit=1`).expect(200);
    expect(body.items).toHaveLength(1);
    expect(headers.link).toContain('rel="next"');
    const next = await gateway.as('get', `${base(job)}?limit=1&cursor=${body.nextCursor}`).expect(200);
    expect(next.body.items).toMatchObject([{ step: 1 }]);
    await gateway.as('get', `${base(job)}?limit=0`).expect(400);
  });

  it('is an archive of what lay upon the checkout, and of what is to be removed from that', async () => {
    const members = await unpacked(`${base(job)}/1/1/archive`);
    expect(Object.keys(members).toSorted()).toEqual([
      'gone',
      'workspace/',
      'workspace/deps/one',
      'workspace/env',
      'workspace/large',
      'workspace/made/',
      'workspace/made/empty',
      'workspace/made/run.sh',
      'workspace/src/main.ts',
    ]);
    expect(members['gone']!.content).toBe('README.md\0deps/two\0na\u00efve name\0');
    expect(members['workspace/src/main.ts']).toMatchObject({ type: 'file', mode: 0o644, content: 'changed' });
    expect(members['workspace/made/run.sh']!.mode).toBe(0o755);
    expect(members['workspace/made/']).toMatchObject({ type: 'directory', mode: 0o700 });
    expect(members['workspace/env']).toMatchObject({ type: 'symlink', linkname: '/usr/bin/env' });
    expect(members['workspace/deps/one']!.content).toBe('one');
    expect(members['workspace/large']!.content).toBe('x'.repeat(300_000));
  });

  it('is an archive of the caches alone where the steps have made nothing different', async () => {
    const members = await unpacked(`${base(job)}/1/0/archive`);
    expect(members['gone']!.content).toBe('');
    expect(Object.keys(members)).toContain('workspace/deps/two');
  });

  it.each(['/1/2', '/2/0', '/01/x', '/-1/0', '/1/1e0', '/9999999/0', '/1/%2e%2e'])(
    'is nothing behind %s',
    async (place) => {
      const { body } = await gateway.as('get', `${base(job)}${place}/archive`).expect(404);
      expect(body).toMatchObject({ code: 'not_found' });
    },
  );

  it('is shown to nobody without a token, and not as that of another project', async () => {
    await gateway.anonymous.get(`${base(job)}/1/1/archive`).expect(401);
    await gateway.anonymous.get(base(job)).expect(401);
    const url = `${gateway.repository.url}-other`;
    await gateway.as('post', '/api/v1/projects').send({ owner: 'ada', name: 'other', url });
    await gateway.as('get', base(job).replace('engine', 'other')).expect(404);
  });

  it('is said to be gone when it was pruned, and is listed still', async () => {
    const old = await startJob(gateway, 'p2');
    const tree = await stored({ a: 'a' });
    await taken(old, 0, tree);
    const because = { rule: 'age', detail: 'it is old' } as const;
    const pruned = SnapshotPruned({ ...about(old), step: 0, trees: [], ...tree, bytes: 1, because });
    await gateway.record(`snapshot-${old.attemptId}.0`, old.pipelineId, pruned);
    const { body } = await gateway.as('get', `${base(old)}/1/0/archive`).expect(410);
    expect(body).toMatchObject({ code: 'snapshot_pruned', detail: expect.stringContaining('was pruned at 20') });
    const list = await gateway.as('get', base(old)).expect(200);
    expect(list.body.items).toMatchObject([{ step: 0, available: false, prunedAt: expect.any(String) }]);
  });

  it.each<[string, (entry: LayeredEntry) => LayeredEntry]>([
    ['another content', (entry) => ({ ...entry, digest: 'e'.repeat(64) }) as LayeredEntry],
    [
      'bytes that are not there',
      (entry) => ({ ...entry, end: { start: 2 ** 30, size: 9, offset: 0 } }) as LayeredEntry,
    ],
    ['blocks that are none', (entry) => ({ ...entry, blocks: [50], end: undefined }) as LayeredEntry],
  ])('is cut off, never filled up, where a manifest tells of %s', async (what, change) => {
    const hostile = await startJob(gateway, `p3${what.length}`);
    await taken(hostile, 0, await stored({ a: 'some text', b: 'some more' }, [], { change }));
    await expect(download(`${base(hostile)}/1/0/archive`)).rejects.toThrow();
    await gateway.anonymous.get('/healthz').expect(200);
  });

  it('is not shown where its manifest is none, or not the one that was recorded', async () => {
    const hostile = await startJob(gateway, 'p5');
    const { digest } = await gateway.ports.objectStore.put(Buffer.from('no manifest'));
    const tree = await stored({ a: 'a' });
    await taken(hostile, 0, { manifestDigest: digest, layers: [] });
    await taken(hostile, 1, { ...tree, layers: [] });
    for (const step of [0, 1]) await gateway.as('get', `${base(hostile)}/1/${step}/archive`).expect(500);
  });
});
