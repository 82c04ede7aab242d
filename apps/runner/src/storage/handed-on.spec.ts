import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serializeManifest, type ArtifactDoc, type TreeEntry } from '@foldline/contracts';
import { PermanentError, type ObjectStore } from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import type { JobScene } from '../execution/job-scene.ts';
import { packTree } from '../trees/pack-tree.ts';
import { variablesOf } from './handed-on.ts';

let directory: string;
let objects: ObjectStore;
const lines: string[] = [];
const scene = { hide: (text: string) => text, tell: (line: string) => lines.push(line) } as unknown as JobScene;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-handed-on-'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

let made = 0;
/** The artifact of a job that handed on these files. */
const handedOn = async (jobId: string, files: Readonly<Record<string, string>>): Promise<ArtifactDoc> => {
  const root = join(directory, `${(made += 1)}`);
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  const { manifestDigest } = await packTree({ root, paths: ['*'], exclude: [], objects });
  return { jobId, manifestDigest } as ArtifactDoc;
};
const received = (...artifacts: ArtifactDoc[]) => variablesOf(artifacts, scene, objects);
/** A manifest as only a hostile runner makes it. */
const claimed = async (...entries: TreeEntry[]): Promise<ArtifactDoc> => {
  const { digest } = await objects.put(serializeManifest(entries));
  return { jobId: 'p1.9', manifestDigest: digest } as ArtifactDoc;
};

describe('Variables that earlier jobs have handed on', () => {
  it('are those of all of them, the later job over the earlier', async () => {
    const first = await handedOn('p1.0', { 'a.env': 'A=1\nB=1', 'b.env': 'B=2' });
    const second = await handedOn('p1.1', { 'a.env': 'C=3\nA=3' });

    expect(await received(first, second)).toEqual({ A: '3', B: '2', C: '3' });
    expect(lines).toContain('Received 2 variables of job p1.0');
    expect(lines.join()).not.toContain('=');
  });

  it('are none where nobody handed on any', async () => expect(await received()).toEqual({}));

  it('are refused as soon as one of them would change what programs do', async () => {
    await expect(received(await handedOn('p1.0', { 'a.env': 'A=1\nPATH=/tmp' }))).rejects.toMatchObject({
      code: 'invalid_dotenv',
    });
  });

  it('are not read when they claim to be larger than a job may hand on', async () => {
    const entry = { kind: 'file', path: 'a.env', mode: 0o644, size: 5121, digest: 'f'.repeat(64) } as const;
    await expect(received(await claimed(entry))).rejects.toMatchObject({ code: 'invalid_dotenv' });
  });

  it('are an error when their bytes are gone, and never less than there were', async () => {
    const entry = { kind: 'file', path: 'a.env', mode: 0o644, size: 5, digest: 'f'.repeat(64) } as const;
    await expect(received(await claimed(entry))).rejects.toBeInstanceOf(PermanentError);
  });
});
