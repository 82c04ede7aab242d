import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { run, type Ended } from '../cli/run-cli.ts';
import { Gate } from './gate.ts';

let sandbox: Sandbox;
/** Outside of every workspace. */
let outside: string;

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), 'foldline-opened-'));
  sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'local:low-power:2', FOLDLINE_DOCKER_HOST: 'none' });
  sandbox.commit({
    'package-lock.json': '{}',
    'README.md': 'read me',
    'src/main.ts': 'main',
    'src/deep/other.ts': 'other',
    'tools/run.sh': '#!/bin/sh',
  });
}, START_MS);
afterAll(async () => {
  await sandbox?.stop();
  rmSync(outside, { recursive: true, force: true });
}, START_MS);

/** Whatever somebody may do to a workspace, and a state between steps that a later step goes beyond. */
const CHANGES = [
  {
    name: 'Install',
    run: 'mkdir -p node_modules/dep/deep && seq 60000 > node_modules/dep/large && echo dep > node_modules/dep/deep/file',
  },
  {
    name: 'Change',
    run: [
      'rm README.md node_modules/dep/deep/file',
      'echo changed > src/main.ts && chmod 755 src/main.ts && chmod 600 tools/run.sh',
      'rm -r src/deep && echo "now a file" > src/deep',
      'rm package-lock.json && mkdir -m 750 package-lock.json && echo "now below a directory" > package-lock.json/x',
      'ln -s /usr/bin/env env && ln -s src/main.ts there && ln -s nowhere broken',
      'mkdir -p empty "with spaces/gr\u00fc\u00dfe" && : > none && head -c 300000 /dev/zero > zeros',
      'echo "[user]" >> .git/config && echo "  name = Job" >> .git/config',
    ].join('\n'),
  },
];
/** Says what it finds, and waits. */
const looks = (gate: Gate) => ({ name: 'Look', run: `${gate.wait}; echo late > late` });

/** Every path with what is there: permissions, and content by its digest. Of git, what is the job's own. */
const seen = (root: string, below = ''): Record<string, string> =>
  Object.assign(
    {},
    ...readdirSync(join(root, below))
      .toSorted()
      .map((name): Record<string, string> => {
        const path = below === '' ? name : `${below}/${name}`;
        if (path === '.git') return { [path]: readFileSync(join(root, '.git', 'config'), 'utf8').split('[user]')[1]! };
        const stats = lstatSync(join(root, path));
        if (stats.isSymbolicLink()) return { [path]: `-> ${readlinkSync(join(root, path))}` };
        const mode = (stats.mode & 0o777).toString(8);
        if (stats.isDirectory()) return { [path]: `directory ${mode}`, ...seen(root, path) };
        const digest = createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex');
        return { [path]: `${mode} ${digest}` };
      }),
  );

const open = (...args: string[]): Promise<Ended> => {
  const { url, token } = sandbox.client.connection;
  const asked = ['apps/cli/dist/main.js', 'snapshot', 'open', ...args, '--url', url];
  return run(process.execPath, asked, join(outside, 'no-data'), { FOLDLINE_ADMIN_TOKEN: token });
};
type Job = { status: string; pipelineId: string; attempt: number };
const status = (id: string): Promise<Job> => sandbox.client.get<Job>(`/jobs/status?id=${id}`);
const ended = (id: string): Promise<Job> =>
  until(`the job ${id} to end`, async () => {
    const job = await status(id);
    return !['queued', 'running'].includes(job.status) && job;
  });
const submit = (id: string, steps: object[], more: object = {}) =>
  sandbox.client.post('/jobs/submit', { id, repo: sandbox.repository, commit: 'main', retries: 0, steps, ...more });

describe('The state between the steps of a job (S1-29)', () => {
  let workspace: Record<string, string>;

  beforeAll(async () => {
    // A cache lies below what the steps make.
    await submit('warms', [CHANGES[0]!, { name: 'Nothing', run: 'true' }], { cacheKeys: ['package-lock.json'] });
    expect((await ended('warms')).status).toBe('success');
    const gate = new Gate(sandbox.directory, 'look');
    const where = { name: 'Where', run: `pwd > ${join(outside, 'where')}` };
    await submit('made', [where, ...CHANGES, looks(gate)], { cacheKeys: ['package-lock.json'] });
    await gate.reached();
    workspace = seen(readFileSync(join(outside, 'where'), 'utf8').trim());
    gate.open();
    expect((await ended('made')).status).toBe('success');
  }, START_MS);

  it('S1-29 is restored on any machine just as the next step found it', async () => {
    const into = join(outside, 'opened');
    const { code, stdout, stderr } = await open('made', '--into', into);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('look before you run anything') });
    expect(stdout).toMatch(/opened is as step 2 "Change" of attempt 1 of \S+ left it, at [0-9a-f]{40}\n$/);
    expect(seen(into)).toEqual(workspace);
    expect(Object.keys(workspace)).toContain('node_modules/dep/large');
    expect(existsSync(join(into, 'late'))).toBe(false);
  });

  it('S1-29 is restored of an earlier step, and told to programs', async () => {
    const into = join(outside, 'earlier');
    const { code, stdout } = await open('made', '--step', '1', '--attempt', '1', '--into', into, '--json');
    expect(code).toBe(0);
    const { pipelineId } = await status('made');
    expect(JSON.parse(stdout)).toMatchObject({ job: `${pipelineId}.0`, project: PROJECT, attempt: 1, step: 1, into });
    expect(readFileSync(join(into, 'README.md'), 'utf8')).toBe('read me');
    expect(readFileSync(join(into, 'node_modules/dep/deep/file'), 'utf8')).toBe('dep\n');
  });

  it('S1-29 is found by the id that the API has for the job, too', async () => {
    const { pipelineId } = await status('made');
    const { code } = await open(`${pipelineId}.0`, '--project', PROJECT, '--into', join(outside, 'by-id'));
    expect(code).toBe(0);
    expect(seen(join(outside, 'by-id'))).toEqual(workspace);
  });

  it('S1-29 is put together by plain tools as well', async () => {
    const { pipelineId } = await status('made');
    const { url, token } = sandbox.client.connection;
    const script = `set -e; cd ${outside}
curl -sfo snapshot.tar.gz ${url}/api/${PROJECT}/jobs/${pipelineId}.0/snapshots/1/2/archive -H "Authorization: Bearer ${token}"
git clone --quiet --no-checkout ${sandbox.repository} state && git -C state checkout --quiet --detach main
tar -xzOf snapshot.tar.gz gone | (cd state && xargs -0 -r rm -rf --)
tar -xzf snapshot.tar.gz --strip-components=1 -C state workspace`;
    expect(await run('sh', ['-c', script], outside)).toMatchObject({ code: 0, stderr: '' });
    expect(seen(join(outside, 'state'))).toEqual(workspace);
  });

  it('is not put where something is, nor anywhere when there is none', async () => {
    const full = join(outside, 'full');
    mkdirSync(full);
    writeFileSync(join(full, 'mine'), 'mine');
    expect(await open('made', '--into', full)).toMatchObject({ code: 2, stderr: expect.stringContaining('not empty') });
    expect(readdirSync(full)).toEqual(['mine']);
    const none = join(outside, 'none');
    expect(await open('made', '--step', '9', '--into', none)).toMatchObject({ code: 5 });
    expect(await open('never', '--into', none)).toMatchObject({ code: 5 });
    expect(await open('made', '--step', 'two', '--into', none)).toMatchObject({ code: 2 });
    expect(await open('made')).toMatchObject({ code: 2 });
    expect(readdirSync(none)).toEqual([]);
  });

  it('leaves nothing where the repository cannot be had', async () => {
    const { repository } = sandbox;
    rmSync(`${repository}-away`, { recursive: true, force: true });
    const into = join(outside, 'no-repository');
    await run('mv', [repository, `${repository}-away`], outside);
    const { code, stderr } = await open('made', '--into', into);
    await run('mv', [`${repository}-away`, repository], outside);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('git could not clone') });
    expect(readdirSync(into)).toEqual([]);
  });
});
