import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS, until } from '@foldline/client';

type Step = { name: string; status: string; output: string; resumedFrom?: number };
type Job = { id: string; pipelineId: string; status: string; attempt: number; steps: Step[] };
type Events = { items: { type: string; data: { pipelineId?: string } }[] };

let sandbox: Sandbox;
/** Outside of every workspace. */
let outside: string;

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), 'foldline-outside-'));
  sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'local:low-power:2' });
  sandbox.commit({ 'package-lock.json': '{}', 'README.md': 'read me', 'src/main.ts': 'main' });
}, START_MS);
afterAll(async () => {
  await sandbox?.stop();
  rmSync(outside, { recursive: true, force: true });
}, START_MS);

const submit = (id: string, steps: object[], more: object = {}) =>
  sandbox.client.post('/jobs/submit', {
    id,
    repo: sandbox.repository,
    commit: 'main',
    retries: 0,
    env: { OUTSIDE: outside },
    steps,
    ...more,
  });
const status = (id: string): Promise<Job> => sandbox.client.get<Job>(`/jobs/status?id=${id}`);
const ended = (id: string, attempt = 1): Promise<Job> =>
  until(`attempt ${attempt} of the job ${id} to end`, async () => {
    const job = await status(id);
    return !['queued', 'running'].includes(job.status) && job.attempt >= attempt && job;
  });
/** How many snapshots of the job are on record. */
const snapshotsOf = async (id: string): Promise<number> => {
  const { pipelineId } = await status(id);
  const { items } = await sandbox.client.get<Events>('/api/v1/events?limit=1000');
  return items.filter(({ type, data }) => type === 'SnapshotTaken' && data.pipelineId === pipelineId).length;
};
/** How often a command with this mark was carried out. */
const times = (mark: string): number => {
  const file = join(outside, mark);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};
const told = ({ steps }: Job) => steps.map(({ name, status, resumedFrom }) => [name, status, resumedFrom ?? null]);

/** Changes files of the checkout and of the cache, and leaves what a later step looks at. */
const prepare = (mark: string) => ({
  name: 'Prepare',
  run: `echo x >> "$OUTSIDE/${mark}"
rm README.md; echo changed > src/main.ts; ln -s /usr/bin/env env; mkdir -p node_modules/dep; echo "$(date +%N)" > node_modules/dep/made`,
});
const check = {
  name: 'Check',
  run: 'test ! -e README.md && test "$(cat src/main.ts)" = changed && test -L env && cat node_modules/dep/made',
};
/** Fails until a file says that it may go well. */
const fails = (mark: string) => ({
  name: 'Fails',
  run: `echo x >> "$OUTSIDE/${mark}-fails"; test -e "$OUTSIDE/${mark}-may"`,
});

describe('The state between the steps of a job (S1-27 to S1-29)', () => {
  it('is what a later attempt goes on from, without carrying out again what went well', async () => {
    await submit('goes-on', [prepare('goes-on'), check, fails('goes-on')], { retries: 2 });
    const job = await ended('goes-on', 3);

    expect(job).toMatchObject({ status: 'failure', attempt: 3 });
    expect(told(job)).toEqual([
      ['Prepare', 'success', 1],
      ['Check', 'success', 1],
      ['Fails', 'failure', null],
    ]);
    expect([times('goes-on'), times('goes-on-fails')]).toEqual([1, 3]);
  });

  it('is restored when a person asks for that, and is just what it was', async () => {
    await submit('by-hand', [prepare('by-hand'), fails('by-hand'), check], { cacheKeys: ['package-lock.json'] });
    expect((await ended('by-hand')).status).toBe('failure');
    writeFileSync(join(outside, 'by-hand-may'), '');
    await sandbox.client.post('/jobs/retry', { jobId: 'by-hand', resume: true });
    const job = await ended('by-hand', 2);

    expect(told(job)).toEqual([
      ['Prepare', 'success', 1],
      ['Fails', 'success', null],
      ['Check', 'success', null],
    ]);
    expect(times('by-hand')).toBe(1);
  });

  it('is restored of the step before a chosen one', async () => {
    await submit('chosen', [prepare('chosen'), check, { name: 'Last', run: 'echo x >> "$OUTSIDE/last"' }]);
    expect((await ended('chosen')).status).toBe('success');
    await sandbox.client.post('/jobs/retry', { jobId: 'chosen', fromStep: 1 });
    const job = await ended('chosen', 2);

    expect(told(job)).toEqual([
      ['Prepare', 'success', 1],
      ['Check', 'success', null],
      ['Last', 'success', null],
    ]);
    expect([times('chosen'), times('last')]).toEqual([1, 2]);
    await expect(sandbox.client.post('/jobs/retry', { jobId: 'chosen', fromStep: 3 })).rejects.toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  it('is not used when nobody asks for that', async () => {
    await submit('anew', [prepare('anew'), fails('anew')]);
    await ended('anew');
    await sandbox.client.post('/jobs/retry', { jobId: 'anew' });
    await ended('anew', 2);

    expect([times('anew'), times('anew-fails')]).toEqual([2, 2]);
  });

  it('is never that behind a step whose effect is elsewhere, too', async () => {
    const starts = { name: 'Starts', run: 'echo x >> "$OUTSIDE/starts"', resumable: false };
    await submit('elsewhere', [prepare('elsewhere'), starts, check, fails('elsewhere')], { retries: 1 });
    const job = await ended('elsewhere', 2);

    expect(told(job)[0]).toEqual(['Prepare', 'success', 1]);
    expect([times('elsewhere'), times('starts'), times('elsewhere-fails')]).toEqual([1, 2, 2]);
  });

  it('C13 is what a job goes on from that had to make place for one of higher priority', async () => {
    const holds = { name: 'Holds', run: `until test -e "$OUTSIDE/enough"; do sleep 0.05; done` };
    const waits = { name: 'Waits', run: `echo x >> "$OUTSIDE/made-place"; ${holds.run}` };
    await submit('holds', [holds], { priority: 9 });
    await submit('makes-place', [prepare('makes-place'), waits, check], { priority: 1, interruptible: true });
    await until('both places to be taken', () => times('made-place') === 1);
    await until('its state to be on record', async () => (await snapshotsOf('makes-place')) === 1);
    await submit('urgent', [{ name: 'Urgent', run: 'true' }], { priority: 10 });
    expect((await ended('urgent')).status).toBe('success');
    writeFileSync(join(outside, 'enough'), '');
    const job = await ended('makes-place', 2);

    expect(told(job)).toEqual([
      ['Prepare', 'success', 1],
      ['Waits', 'success', null],
      ['Check', 'success', null],
    ]);
    expect([times('makes-place'), times('made-place')]).toEqual([1, 2]);
    await ended('holds');
  });

  it('outlives the process that carried the steps out', async () => {
    const waits = {
      name: 'Waits',
      run: 'echo x >> "$OUTSIDE/waits"; test "$(wc -l < "$OUTSIDE/waits")" -gt 1 || sleep 600',
    };
    await submit('killed', [prepare('killed'), check, waits, check]);
    await until('the step to wait', () => times('waits') === 1);
    await until('what was made before it to be on record', async () => (await snapshotsOf('killed')) === 2);
    await sandbox.server.kill();
    await sandbox.restart();
    const job = await ended('killed', 2);

    expect(told(job)).toEqual([
      ['Prepare', 'success', 1],
      ['Check', 'success', 1],
      ['Waits', 'success', null],
      ['Check', 'success', null],
    ]);
    expect([times('killed'), times('waits')]).toEqual([1, 2]);
  });
});
