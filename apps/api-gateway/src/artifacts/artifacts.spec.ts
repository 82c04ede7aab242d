import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ArtifactCommitted, ArtifactExpired, serializeManifest, type TreeEntry } from '@foldline/contracts';
import { extract } from 'tar-stream';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { startJob, type StartedJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;
let job: StartedJob;
let base: string;
const large = Buffer.alloc(3 * 1024 * 1024, 'large file ');

const commit = async (
  artifactId: string,
  { jobId, pipelineId, context }: StartedJob,
  files: Record<string, string | Buffer>,
  links: TreeEntry[] = [],
  more: { kind?: 'archive' | 'reports'; attempt?: number } = {},
): Promise<void> => {
  const entries: TreeEntry[] = [...links];
  for (const [path, content] of Object.entries(files)) {
    const { digest, bytes } = await gateway.ports.objectStore.put(Buffer.from(content));
    entries.push({ kind: 'file', path, mode: path.endsWith('.sh') ? 0o755 : 0o644, size: bytes, digest });
  }
  const { digest } = await gateway.ports.objectStore.put(serializeManifest(entries));
  const about = { artifactId, pipelineId, jobId, projectId: context.project.id, name: `${artifactId}-name` };
  const content = { manifestDigest: digest, files: Object.keys(files).length, bytes: 1 };
  const committed = {
    ...about,
    ...content,
    kind: 'archive' as const,
    attempt: 1,
    expiresAt: '2031-01-01T00:00:00.000Z',
    ...more,
  };
  await gateway.record(`artifact-${artifactId}`, pipelineId, ArtifactCommitted(committed));
};

beforeAll(async () => {
  gateway = await startGatewayWithProject();
  job = await startJob(gateway, 'p1');
  base = `/api/ada/engine/jobs/${job.jobId}/artifacts`;
  const tree: TreeEntry[] = [
    { kind: 'dir', path: 'dist', mode: 0o755 },
    { kind: 'link', path: 'dist/latest', target: 'app.js' },
  ];
  await commit(
    'a1',
    job,
    {
      'dist/app.js': 'console.log(1)\n',
      'dist/run.sh': '#!/bin/sh\n',
      'dist/gr\u00fc\u00dfe.txt': 'hallo',
      'big.bin': large,
    },
    tree,
  );
  await commit('r1', job, { 'coverage.xml': '<coverage/>' }, [], { kind: 'reports' });
});
afterAll(() => closeAndRemove(gateway));

type Member = { type: string; mode: number; linkname: string | null | undefined; content: string };

const unpack = async (archive: Buffer): Promise<Record<string, Member>> => {
  const members: Record<string, Member> = {};
  for await (const entry of Readable.from([archive]).pipe(createGunzip()).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name, type, mode, linkname } = entry.header;
    members[name] = { type: type!, mode: mode!, linkname, content: Buffer.concat(chunks).toString() };
  }
  return members;
};
const download = (path: string) =>
  gateway
    .as('get', path)
    .buffer(true)
    .parse((response, done) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done(null, Buffer.concat(chunks)));
    });

describe('the artifacts of a job', () => {
  it('are downloaded as one archive with files, directories and links', async () => {
    const { body, headers } = await download(base).expect(200);
    expect(headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="a1-name.tar.gz"; filename*=UTF-8''a1-name.tar.gz`,
      'x-content-type-options': 'nosniff',
    });
    const members = await unpack(body as Buffer);
    expect(Object.keys(members).toSorted()).toEqual([
      'big.bin',
      'dist/',
      'dist/app.js',
      'dist/gr\u00fc\u00dfe.txt',
      'dist/latest',
      'dist/run.sh',
    ]);
    expect(members['dist/app.js']).toMatchObject({ type: 'file', mode: 0o644, content: 'console.log(1)\n' });
    expect(members['dist/run.sh']!.mode).toBe(0o755);
    expect(members['dist/latest']).toMatchObject({ type: 'symlink', linkname: 'app.js' });
    expect(members['big.bin']!.content === large.toString()).toBe(true);
  });

  it('are the same bytes each time', async () => {
    const [one, two] = [await download(base), await download(base)];
    expect(Buffer.compare(one.body as Buffer, two.body as Buffer)).toBe(0);
  });

  it('are listed for programs', async () => {
    const { body } = await gateway.as('get', base).set('Accept', 'application/json').expect(200);
    expect(body.items).toMatchObject([
      { id: 'a1', name: 'a1-name', kind: 'archive', status: 'available' },
      { id: 'r1', kind: 'reports' },
    ]);
  });

  it('hold single files, of reports too', async () => {
    for (const path of [`${base}/files/dist/app.js`, `${base}?path=dist/app.js`]) {
      const { body, headers } = await download(path).expect(200);
      expect((body as Buffer).toString()).toBe('console.log(1)\n');
      expect(headers).toMatchObject({ 'content-type': 'application/octet-stream', 'content-length': '15' });
      expect(headers['content-disposition']).toContain('filename="app.js"');
    }
    await download(`${base}/files/coverage.xml`).expect(200);
    const { headers } = await download(`${base}/files/dist/${encodeURIComponent('gr\u00fc\u00dfe.txt')}`).expect(200);
    expect(headers['content-disposition']).toBe(
      `attachment; filename="gr__e.txt"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt`,
    );
  });

  it.each([
    '../p2/secret',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '/etc/passwd',
    'dist/../dist/app.js',
    'dist%5c..%5capp.js',
    'dist',
    'dist/latest',
    'dist/app.js/',
    'DIST/app.js',
    'dist/app.js%00.txt',
    'none',
    `${'x/'.repeat(500)}y`,
  ])('hold no file "%s"', async (path) => {
    await gateway.as('get', `${base}?path=${path}`).expect(404);
    const { status } = await gateway.as('get', `${base}/files/${path}`);
    expect([400, 404]).toContain(status);
  });

  it('do not exist when the job left none', async () => {
    await gateway.as('get', '/api/ada/engine/jobs/p1.1/artifacts').expect(404);
    const list = await gateway
      .as('get', '/api/ada/engine/jobs/p1.1/artifacts')
      .set('Accept', 'application/json')
      .expect(200);
    expect(list.body.items).toEqual([]);
  });

  it('are those of the newest attempt', async () => {
    const again = await startJob(gateway, 'p2');
    await commit('b1', again, { 'old.txt': 'old' });
    await commit('b2', again, { 'new.txt': 'new' }, [], { attempt: 2 });
    const { body } = await download(`/api/ada/engine/jobs/${again.jobId}/artifacts`).expect(200);
    expect(Object.keys(await unpack(body as Buffer))).toEqual(['new.txt']);
  });

  it('are gone when they have expired, and the answer says so', async () => {
    const old = await startJob(gateway, 'p3');
    await commit('c1', old, { 'x.txt': 'x' });
    const about = { artifactId: 'c1', pipelineId: 'p3', jobId: old.jobId, manifestDigest: 'a'.repeat(64), bytes: 1 };
    await gateway.record('artifact-c1', 'p3', ArtifactExpired(about));
    for (const path of ['', '?path=x.txt', '/files/x.txt']) {
      const { body } = await gateway.as('get', `/api/ada/engine/jobs/${old.jobId}/artifacts${path}`).expect(410);
      expect(body).toMatchObject({ code: 'artifact_expired', detail: expect.stringContaining('2031-01-01') });
    }
  });

  it('are cut off, never filled up, when bytes are missing', async () => {
    const damaged = await startJob(gateway, 'p4');
    await commit('d1', damaged, { 'a.txt': 'a', 'b.txt': 'something that is lost' });
    const { digest } = await gateway.ports.objectStore.put(Buffer.from('something that is lost'));
    await gateway.ports.objectStore.delete(digest);
    await expect(download(`/api/ada/engine/jobs/${damaged.jobId}/artifacts`)).rejects.toThrow();
    await gateway.anonymous.get('/healthz').expect(200);
  });
});
