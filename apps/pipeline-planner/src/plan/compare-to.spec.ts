import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import type { Settings } from '@foldline/kernel';
import { IMPATIENT, commitLook } from '@foldline/pipeline-language';
import { sampleContext } from '@foldline/testing';
import { Repository } from './repository.fixture.ts';

let home: string;
let embedded: EmbeddedPorts;
let base: string;
let aside: string;
let changedSince: (base: string) => Promise<readonly string[] | null>;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'foldline-compare-'));
  const repository = new Repository(join(home, 'repository'));
  base = repository.commit({ 'src/a': '1' });
  repository.git('branch', 'base');
  repository.git('tag', '-a', 't0', '-m', 'release');
  repository.git('checkout', '--quiet', '-b', 'aside');
  aside = repository.commit({ 'src/b': '1' });
  repository.git('checkout', '--quiet', 'main');
  const sha = repository.commit({ 'src/a': '2' });
  mkdirSync(join(home, 'planner'));
  const settings: Partial<Settings> = { dataDirectory: join(home, 'planner'), logLevel: 'silent', includeHosts: [] };
  embedded = await openEmbeddedPorts(settings as Settings, []);
  const { sourceRepository: repositories, outboundHttp: http, clock } = embedded.ports;
  const findProject = async (): Promise<undefined> => undefined;
  const tools = { repositories, http, clock, includeHosts: [], patience: IMPATIENT, findProject };
  const project = { ...sampleContext.project, url: repository.url };
  await repositories.fetchCommit({ projectId: project.id, url: project.url, ref: 'main', sha });
  changedSince = commitLook(tools, { project, sha }).changes;
});
afterAll(async () => {
  await embedded.close();
  rmSync(home, { recursive: true, force: true });
});

describe('What changed since `compare_to`', () => {
  it.each(['base', 't0', 'refs/heads/base', 'refs/tags/t0', 'aside'])('is told of %s', async (name) => {
    expect(await changedSince(name)).toEqual(['src/a']);
  });

  it('is told of a commit, also by its first digits where it is in the history of the pipeline’s own', async () => {
    for (const commit of [base, base.slice(0, 10), base.slice(0, 7), aside])
      expect(await changedSince(commit)).toEqual(['src/a']);
    expect(await changedSince(aside.slice(0, 10))).toBeNull();
  });

  it.each(['main~1', 'HEAD', 'a b', '-x', '--output=x', 'refs/tags/base', 'refs/heads/t0', 'heads/base', '0000000'])(
    'is not told, and git is not asked in other words, for %j',
    async (name) => {
      expect(await changedSince(name)).toBeNull();
    },
  );
});
