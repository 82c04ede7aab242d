import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, type PipelineAnswer } from '@foldline/client';
import { ROOT, run } from './run-cli.ts';

const [, section] = /^## Backup\n([^]*?)^## /m.exec(readFileSync(join(ROOT, 'docs/running.md'), 'utf8'))!;
const [copying, restoring] = [...section!.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block!);

const DEFINITION = `
build:
  secrets: { SECRET: { vault: shop/key } }
  script:
    - test "$SECRET" = sealed-with-the-key
    - echo built > a.txt
  artifacts: { paths: [a.txt] }
again:
  needs: [build]
  script: cat a.txt
`;

describe('a backup as docs/running.md describes it', () => {
  let sandbox: Sandbox;
  let data: string;
  let before: PipelineAnswer;
  let copied: string[];
  let restored: { code: number; stdout: string; stderr: string };

  /** A block of the document, in a shell that ends at the first command that fails. */
  const shell = (block: string): ReturnType<typeof run> =>
    run('env', [`DATA=${data}`, `BACKUP=${join(sandbox.directory, 'backup.tar')}`, 'sh', '-ec', block], data);

  beforeAll(async () => {
    sandbox = await Sandbox.start();
    data = sandbox.server.dataDirectory;
    await sandbox.client.post(`/api/${PROJECT}/secrets`, { path: 'shop/key', value: 'sealed-with-the-key' });
    const { id } = await sandbox.run(DEFINITION);
    // A log is sealed a moment after its job has ended.
    before = await sandbox.rested(id, ({ jobs }) => jobs.every((job) => 'log' in job));
    execFileSync('mkfifo', [join(data, 'runners', 'pipe')]);
    await sandbox.server.stop();
    expect(before.status).toBe('success');
    expect(await shell(copying!)).toEqual({ code: 0, stdout: '', stderr: '' });
    const list = execFileSync('tar', ['--list', '--file', join(sandbox.directory, 'backup.tar')], { encoding: 'utf8' });
    copied = list.split('\n');
    rmSync(data, { recursive: true });
    restored = await shell(restoring!);
    await sandbox.restart();
  }, 60_000);
  afterAll(() => sandbox.stop());

  it('takes everything but the checkouts, the workspaces and the pipes', () => {
    const kept = new Set(copied.map((path) => path.split('/')[1]));
    for (const name of [
      'events',
      'objects',
      'payloads',
      'logs',
      'secret-key',
      'admin-token',
      'webhook-secret',
      'bus',
    ]) {
      expect([...kept]).toContain(name);
    }
    expect([...kept]).not.toContain('runners');
    expect([...kept]).not.toContain('repos');
  });

  it('is verified before it is used', () => {
    expect(restored.code).toBe(0);
    expect(restored.stdout).toContain('equal to the live ones');
  });

  it('is for the eyes of this user only, once it is written and once it is restored', () => {
    expect(statSync(join(sandbox.directory, 'backup.tar')).mode & 0o077).toBe(0);
    expect(statSync(data).mode & 0o077).toBe(0);
    expect(statSync(join(data, 'secret-key')).mode & 0o077).toBe(0);
  });

  it('gives back pipelines, logs and artifacts', async () => {
    expect(await sandbox.pipeline(before.id)).toEqual(before);
    expect(await sandbox.log(`${before.id}.0`)).toContain('echo built');
    const { items } = await sandbox.client.get<{ items: { name: string }[] }>(
      `/api/${PROJECT}/jobs/${before.id}.0/artifacts`,
    );
    expect(items).toHaveLength(1);
  });

  it('goes on from there, with the key that opens the secrets', async () => {
    const { id } = await sandbox.trigger();
    expect((await sandbox.rested(id)).status).toBe('success');
  });
});
