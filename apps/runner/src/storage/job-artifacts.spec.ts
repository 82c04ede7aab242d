import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  artifactIndexKey,
  type ArtifactDoc,
  type ArtifactSpec,
  type ArtifactUploaded,
} from '@foldline/contracts';
import { PermanentError, type ObjectStore, type ReadStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { plannedJob, sampleContext } from '@foldline/testing';
import { textMasker } from '../masking/secret-masker.ts';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { layersIn } from '../layers/layers.fixture.ts';
import { packTree } from '../trees/pack-tree.ts';
import { downloadArtifacts, inheritedArtifacts, uploadArtifacts } from './job-artifacts.ts';

type Upload = ReturnType<typeof ArtifactUploaded>['data'];

let directory: string;
let objects: ObjectStore;
let reads: ReadStore;
let workspace: string;
let lines: string[];
let facts: AttemptFact[];
let commits: string[];
let position = 0;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-artifacts-'));
  workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  [lines, facts, commits] = [[], [], []];
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
});

const write = (path: string, text: string, root = workspace): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const read = (path: string): string | undefined =>
  existsSync(join(workspace, path)) ? readFileSync(join(workspace, path), 'utf8') : undefined;

const sceneOf = (artifacts?: Partial<ArtifactSpec>, artifactJobs: string[] = [], secrets: string[] = []): JobScene => ({
  assignment: {
    pipelineId: 'p1',
    jobId: 'p1.5',
    attempt: 1,
    runnerId: 'one',
    cluster: { id: 'c1', power: 'high-power' },
    job: plannedJob(
      5,
      'build',
      artifacts ? { artifacts: { paths: [], exclude: [], when: 'on_success', reports: [], ...artifacts } } : {},
    ),
    context: sampleContext,
    pipelineVariables: {},
    artifactJobs,
    because: { rule: 'cluster', detail: 'free', jobs: [] },
  },
  about: { attemptId: 'p1.5.1', pipelineId: 'p1', jobId: 'p1.5', attempt: 1 },
  workspace,
  scratch: workspace,
  layers: layersIn(directory),
  platformOf: async (tool) => tool,
  variables: { VERSION: '1.0', TOKEN: 'hunter2-long', DIR: 'dist' },
  variablesWith: (handedOn) => ({ ...handedOn }),
  hide: textMasker(secrets),
  tell: (line) => lines.push(line),
  warn: (line) => lines.push(`WARNING ${line}`),
  record: (fact) => facts.push(fact),
  markLog: () => 0,
  committing: (id, fact) => {
    commits.push(id);
    facts.push(fact);
  },
});

describe('The artifacts of a job', () => {
  const uploaded = async (spec: Partial<ArtifactSpec>, succeeded = true, secrets: string[] = []): Promise<Upload[]> => {
    await uploadArtifacts(sceneOf(spec, [], secrets), objects, succeeded);
    return facts.map(({ data }) => data as Upload);
  };

  it('are kept, and the job is done only when they are committed', async () => {
    write('dist/a.js', 'aaa');

    const [artifact] = await uploaded({ paths: ['dist/'] });

    expect(artifact).toMatchObject({ name: 'artifacts', kind: 'archive', files: 1, bytes: 3, projectId: 'pr1' });
    expect(commits).toEqual([artifact!.artifactId]);
    expect(lines).toEqual(['Uploaded artifacts: 1 files, 3 bytes']);
  });

  it('are nothing when the definition names none', async () => {
    await uploadArtifacts(sceneOf(), objects, true);

    expect({ facts, lines }).toEqual({ facts: [], lines: [] });
  });

  it('are without the repository’s history, which holds its credentials, when they are everything', async () => {
    write('a', 'a');
    write('.git/config', 'token');

    expect(await uploaded({ paths: ['.'] })).toMatchObject([{ files: 1, bytes: 1 }]);
  });

  it('are apart from the reports', async () => {
    write('dist/a.js', 'aaa');
    write('junit.xml', '<x/>');

    const found = await uploaded({ paths: ['dist/'], reports: ['junit.xml'] });

    expect(found.map(({ kind, files }) => [kind, files])).toEqual([
      ['archive', 1],
      ['reports', 1],
    ]);
    expect(new Set(commits).size).toBe(2);
  });

  it('are reports alone, where these are of a failure and the rest is kept of a success', async () => {
    write('dist/a.js', 'aaa');
    write('junit.xml', '<x/>');

    const found = await uploaded({ paths: ['dist/'], reports: ['junit.xml'], when: 'on_success' }, false);

    expect(found.map(({ kind }) => kind)).toEqual(['reports']);
  });

  it('have the variables of the job in their paths and their name', async () => {
    write('dist/a.js', 'a');
    write('dist/1.0.map', 'a');

    const [artifact] = await uploaded({ paths: ['$DIR'], exclude: ['dist/${VERSION}.map'], name: 'engine-$VERSION' });

    expect(artifact).toMatchObject({ name: 'engine-1.0', files: 1 });
  });

  it.each([
    ['..', 'artifacts'],
    ['../../etc/passwd', '-..-etc-passwd'],
    ['.hidden', 'hidden'],
    ['a/b\\c', 'a-b-c'],
    ['a\n<script>', 'a--script-'],
    ['$NOTHING', 'artifacts'],
    ['größe', 'gr--e'],
    ['x'.repeat(500), 'x'.repeat(200)],
  ])('called %j are one plain segment of a path: %s', async (name, expected) => {
    write('a', 'a');

    const [artifact] = await uploaded({ paths: ['a'], name });

    expect(artifact!.name).toBe(expected);
  });

  it('show no secret in their name', async () => {
    write('a', 'a');

    const [artifact] = await uploaded({ paths: ['a'], name: 'x-$TOKEN' }, true, ['hunter2-long']);

    expect(artifact!.name).not.toContain('hunter2');
  });

  it.each([
    ['on_success', true, true],
    ['on_success', false, false],
    ['on_failure', true, false],
    ['on_failure', false, true],
    ['always', true, true],
    ['always', false, true],
  ] as const)('with when: %s and a success that is %s are kept: %s', async (when, succeeded, expected) => {
    write('a', 'a');

    expect((await uploaded({ paths: ['a'], when }, succeeded)).length > 0).toBe(expected);
  });

  it.each([
    [{}, 30 * 24 * 60 * 60],
    [{ expireInSeconds: 60 }, 60],
    [{ neverExpires: true as const }, undefined],
  ])('with %j expire after %s seconds', async (spec, seconds) => {
    write('a', 'a');

    const [artifact] = await uploaded({ paths: ['a'], ...spec });

    expect(artifact!.expireInSeconds).toBe(seconds);
  });

  it('are nothing when there is nothing to keep, and warnings say why', async () => {
    expect(await uploaded({ paths: ['none/', '/etc/passwd', '../x'] })).toEqual([]);

    expect(lines).toEqual([
      'WARNING none/: no matching files',
      'WARNING /etc/passwd is not a path inside the workspace',
      'WARNING ../x is not a path inside the workspace',
      'WARNING there is nothing to keep as an artifact',
    ]);
  });
});

describe('The artifacts of earlier jobs', () => {
  /** An artifact as the artifact-store shows it; its file holds its own name. */
  const shown = async (jobId: string, more: Partial<ArtifactDoc> = {}): Promise<void> => {
    position += 1;
    const id = `${jobId}-${position}`;
    const root = join(directory, id);
    const file = more.name ?? 'artifacts';
    write(file, `${jobId}.${more.attempt ?? 1}`, root);
    const packed = await packTree({ root, paths: ['.'], exclude: [], objects });
    const doc: ArtifactDoc = {
      id,
      pipelineId: 'p1',
      projectId: 'pr1',
      jobId,
      attempt: 1,
      name: file,
      kind: 'archive',
      manifestDigest: packed.manifestDigest,
      files: packed.files,
      bytes: packed.bytes,
      status: 'available',
      committedAt: '2030-01-01T00:00:00.000Z',
      ...more,
    };
    const indexes = { byJob: artifactIndexKey(jobId, id) };
    await reads.apply('storage', position, [{ collection: COLLECTION.artifacts, id, doc, indexes }]);
  };
  const download = async (...jobIds: string[]): Promise<string | undefined> => {
    const scene = sceneOf(undefined, jobIds);
    const { archives, missing } = await inheritedArtifacts(scene, reads);
    if (missing === undefined) await downloadArtifacts(scene, archives, objects);
    return missing;
  };

  it('are put into the workspace, later jobs over earlier ones', async () => {
    await shown('p1.0');
    await shown('p1.1');
    await shown('p1.2', { name: 'other' });

    expect(await download('p1.0', 'p1.1', 'p1.2')).toBeUndefined();

    expect([read('artifacts'), read('other')]).toEqual(['p1.1.1', 'p1.2.1']);
    expect(lines).toHaveLength(3);
  });

  it('are those of the jobs that are named, and of no other whose id begins alike', async () => {
    await shown('p1.10');

    expect(await download('p1.1')).toBeUndefined();
    expect(read('artifacts')).toBeUndefined();
  });

  it('are those of the latest attempt, however many there were', async () => {
    for (let attempt = 1; attempt <= 120; attempt += 1) await shown('p1.0', { attempt });

    await download('p1.0');

    expect(read('artifacts')).toBe('p1.0.120');
    expect(lines).toHaveLength(1);
  });

  it('are neither reports nor what was refused', async () => {
    await shown('p1.0', { kind: 'reports', name: 'report' });
    await shown('p1.0', { status: 'refused', name: 'refused' });

    expect(await download('p1.0')).toBeUndefined();
    expect([read('report'), read('refused')]).toEqual([undefined, undefined]);
  });

  it('are those of the latest attempt that left any: what was refused was never there', async () => {
    await shown('p1.0', { attempt: 1 });
    await shown('p1.0', { attempt: 2, status: 'refused' });

    expect(await download('p1.0')).toBeUndefined();
    expect(read('artifacts')).toBe('p1.0.1');
  });

  it('are missed when they have expired, and the answer says whose', async () => {
    await shown('p1.0', { status: 'expired' });

    expect(await download('p1.0')).toBe('the artifacts of job p1.0 have expired');
  });

  it('are not missed when those of an earlier attempt have expired', async () => {
    await shown('p1.0', { status: 'expired', attempt: 1 });
    await shown('p1.0', { attempt: 2 });

    expect(await download('p1.0')).toBeUndefined();
    expect(read('artifacts')).toBe('p1.0.2');
  });

  it('are an error that stays when their bytes are gone', async () => {
    await shown('p1.0', { manifestDigest: '0'.repeat(64) });

    await expect(download('p1.0')).rejects.toBeInstanceOf(PermanentError);
  });
});
