import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { Gate } from './gate.ts';

type Due = { kind: string; id: string; project: string; name: string; bytes: number; rule: string; detail: string };
type Event = { type: string; position: number; data: Record<string, unknown> };
type Job = {
  status: string;
  attempt: number;
  pipelineId: string;
  steps: { name: string; status: string; resumedFrom?: number }[];
};
type Snapshot = { attempt: number; step: number; name: string; available: boolean; prunedAt?: string };

/** About three seconds, in days. */
const SHORT = String(3 / 86_400);

let sandbox: Sandbox;
/** Outside of every workspace. */
let outside: string;
beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), 'foldline-outside-'));
  const runners = { FOLDLINE_RUNNERS: 'local:low-power:2', FOLDLINE_DOCKER_HOST: 'none' };
  sandbox = await Sandbox.start({ FOLDLINE_SNAPSHOT_RETENTION_DAYS: SHORT, ...runners });
}, START_MS);
afterAll(async () => {
  await sandbox?.stop();
  rmSync(outside, { recursive: true, force: true });
}, START_MS);

const submit = (id: string, ...steps: object[]) =>
  sandbox.client.post('/jobs/submit', { id, repo: sandbox.repository, commit: 'main', retries: 0, steps });
const status = (id: string): Promise<Job> => sandbox.client.get<Job>(`/jobs/status?id=${id}`);
const ended = (id: string, attempt = 1): Promise<Job> =>
  until(`attempt ${attempt} of the job ${id} to end`, async () => {
    const job = await status(id);
    return !['queued', 'running'].includes(job.status) && job.attempt >= attempt && job;
  });
const snapshotsPath = async (id: string): Promise<string> =>
  `/api/${PROJECT}/jobs/${(await status(id)).pipelineId}.0/snapshots`;
const due = async (name: string): Promise<Due | undefined> =>
  (await sandbox.client.get<{ items: Due[] }>('/api/v1/maintenance')).items.find(
    (item) => item.kind === 'snapshot' && item.name === name,
  );
const isDue = (name: string): Promise<Due> =>
  until(`what ${name} has made to be due`, async () => (await due(name)) ?? false);
const events = async (type: string, after = 0): Promise<Event[]> =>
  (await sandbox.client.get<{ items: Event[] }>(`/api/v1/events?after=${after}&limit=200&type=${type}`)).items;
/** What came of maintenance that was asked for now. */
const maintained = async (): Promise<Event> => {
  const { position } = await sandbox.client.post<{ position: number }>('/api/v1/maintenance');
  return until('maintenance to be done', async () => (await events('MaintenanceFinished', position))[0] ?? false);
};

const makes = (mark: string) => ({ name: 'Make', run: `echo x >> ${join(outside, mark)}; echo made > made` });
const fails = (mark: string) => ({ name: 'Fail', run: `test -e made && test -e ${join(outside, mark)}-may` });
const times = (mark: string): number => readFileSync(join(outside, mark), 'utf8').split('\n').length - 1;

describe('What the steps of a job have made', () => {
  it('S1-40 S1-41 goes after as long as the setting says, told before and on record, and is carried out again', async () => {
    await submit('over', makes('over'), fails('over'));
    expect((await ended('over')).status).toBe('failure');
    const path = await snapshotsPath('over');
    const { items } = await sandbox.client.get<{ items: Snapshot[] }>(path);
    expect(items).toMatchObject([{ attempt: 1, step: 0, name: 'Make', available: true }]);

    expect(await isDue('over')).toMatchObject({ project: PROJECT, rule: 'age', bytes: expect.any(Number) });
    expect((await maintained()).data).toMatchObject({ trigger: 'requested', snapshots: 1, waitingBytes: 0 });
    const [pruned] = await events('SnapshotPruned');
    const { manifestDigest, bytes, layers } = pruned!.data as {
      manifestDigest: string;
      bytes: number;
      layers: { digest: string; bytes: number }[];
    };
    expect(bytes).toBe(layers[0]!.bytes);
    const deleted = (await events('PrunedBytesDeleted', pruned!.position)).flatMap(({ data }) => data['digests']);
    expect(deleted).toEqual(expect.arrayContaining([manifestDigest, layers[0]!.digest]));
    expect(await due('over')).toBeUndefined();

    expect((await sandbox.client.get<{ items: Snapshot[] }>(path)).items).toMatchObject([
      { step: 0, available: false, prunedAt: expect.any(String) },
    ]);
    const refused = await sandbox.client.get(`${path}/1/0/archive`).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 410, code: 'snapshot_pruned' });

    writeFileSync(join(outside, 'over-may'), '');
    await sandbox.client.post('/jobs/retry', { jobId: 'over', resume: true });
    const again = await ended('over', 2);
    expect(again).toMatchObject({ status: 'success', attempt: 2 });
    expect(again.steps[0]).not.toHaveProperty('resumedFrom');
    expect(times('over')).toBe(2);
    expect(await sandbox.log(`${again.pipelineId}.0`)).toContain('what attempt 1 had kept is not there any more');
  });

  it('S1-40 stays while an attempt goes on from it', async () => {
    const gate = new Gate(sandbox.directory, 'resumed');
    await submit('under-way', makes('under-way'), {
      name: 'Fail',
      run: `test -e ${outside}/fails || exit 1; ${gate.wait}; test -e made`,
    });
    expect((await ended('under-way')).status).toBe('failure');
    writeFileSync(join(outside, 'fails'), '');
    await sandbox.client.post('/jobs/retry', { jobId: 'under-way', resume: true });
    await gate.reached();
    // Of a job that ended later it is over; of the older one it would be.
    await submit('later', makes('later'), { name: 'Nothing', run: 'true' });
    expect((await ended('later')).status).toBe('success');
    await isDue('later');
    expect(await due('under-way')).toBeUndefined();
    await maintained();
    const { pipelineId } = await status('under-way');
    const pruned = (await events('SnapshotPruned')).map(({ data }) => data['pipelineId']);
    expect(pruned).toContain((await status('later')).pipelineId);
    expect(pruned).not.toContain(pipelineId);

    gate.open();
    const job = await ended('under-way', 2);
    expect(job).toMatchObject({ status: 'success', attempt: 2 });
    expect(job.steps[0]).toMatchObject({ resumedFrom: 1 });
    expect(times('under-way')).toBe(1);
    expect(existsSync(join(outside, 'later'))).toBe(true);
    await isDue('under-way');
  });
});
