import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlannedJob } from '@foldline/contracts';
import { plannedJob, planOf } from '@foldline/testing';
import { PlannedServer, type Planned } from './plans.fixture.ts';

const shell = (...commands: string[]): Pick<PlannedJob, 'steps'> => ({
  steps: [{ name: 'script', kind: 'shell', commands }],
});
const job = (index: number, name: string, command: string, more: Partial<PlannedJob> = {}): PlannedJob =>
  plannedJob(index, name, { ...shell(command), ...more });
const endless = 'sleep 600';
const onBranch = (name: string, sha: string): Planned['context'] => ({
  source: 'push',
  ref: { name, kind: 'branch', protected: false },
  ...(sha ? { sha } : {}),
});

/** Succeeds only where nobody else does the same at that moment. */
const alone = (lock: string): string => `mkdir ${lock} && sleep 0.2 && rmdir ${lock}`;

const plans = (directory: string): Planned[] => {
  const deploy = planOf(job(0, 'deploy', alone(join(directory, 'lock')), { resourceGroup: 'production' }));
  const tomorrow = planOf(job(0, 'rollout', 'true', { when: 'delayed', startInSeconds: 86_400 }));
  const redundant = { onNewCommit: 'conservative', onJobFailure: 'none' } as const;
  return [
    { id: 'delayed', plan: planOf(job(0, 'rollout', 'true', { when: 'delayed', startInSeconds: 2 })) },
    ...['played', 'givenup'].map((id) => ({ id, plan: tomorrow })),
    ...['deploy1', 'deploy2', 'deploy3', 'deploy4'].map((id) => ({ id, plan: deploy })),
    {
      id: 'codes',
      plan: planOf(
        job(0, 'allowed', 'exit 3', { allowFailureExitCodes: [3] }),
        job(1, 'again', 'test "$CI_JOB_ATTEMPT" -ge 2 || exit 7', { retry: { max: 1, when: [], exitCodes: [7] } }),
      ),
    },
    {
      id: 'first',
      plan: {
        ...planOf(job(0, 'bad', 'false'), job(1, 'long', endless)),
        autoCancel: { onNewCommit: 'none', onJobFailure: 'all' },
      },
    },
    {
      id: 'older',
      context: onBranch('topic', 'f'.repeat(40)),
      plan: { ...planOf(job(0, 'wait', 'true', { when: 'manual' })), autoCancel: redundant },
    },
    {
      id: 'newer',
      context: onBranch('topic', ''),
      plan: { ...planOf(job(0, 'quick', 'true')), autoCancel: redundant },
    },
    {
      id: 'tagged',
      plan: planOf(
        job(0, 'here', 'true', { runner: { tags: ['ssd', 'linux'] } }),
        job(1, 'nowhere', 'true', { runner: { tags: ['linux', 'gpu'] } }),
      ),
    },
  ];
};

const RUN_MS = 120_000;
let server: PlannedServer;
beforeAll(async () => {
  server = await PlannedServer.start(plans);
}, RUN_MS);
afterAll(() => server.stop(), RUN_MS);

describe('A whole server', () => {
  it(
    'starts a delayed job when its time is over',
    async () => {
      const { status, jobs } = await server.ended('delayed');
      expect({ status, jobs }).toMatchObject({ status: 'success', jobs: [{ status: 'success', attempt: 1 }] });
      const { decisions } = await server.get<{ decisions: { event: string; at: string }[] }>(
        `/api/ada/engine/jobs/${jobs[0]!.id}/why`,
      );
      const at = (type: string) => Date.parse(decisions.find(({ event }) => event === type)!.at);
      expect(at('JobQueued') - at('JobDelayed')).toBeGreaterThanOrEqual(2000);
    },
    RUN_MS,
  );

  it(
    'lets a person start a delayed job before, or cancel it with its pipeline',
    async () => {
      const [played, givenUp] = await Promise.all(
        ['played', 'givenup'].map((id) => server.when(id, ({ status }) => status === 'delayed')),
      );
      expect(played!.jobs).toMatchObject([{ status: 'delayed', startsAt: expect.any(String) }]);
      await server.ask('POST', `/api/ada/engine/jobs/${played!.jobs[0]!.id}/play`, {});
      expect(await server.ended('played')).toMatchObject({ status: 'success', jobs: [{ attempt: 1 }] });
      await server.ask('POST', `/api/ada/engine/pipelines/${givenUp!.id}/cancel`, {});
      expect(await server.ended('givenup')).toMatchObject({ status: 'cancelled', jobs: [{ attempt: 0 }] });
    },
    RUN_MS,
  );

  it(
    'runs one job of a resource group at a time, over pipelines',
    async () => {
      const ends = await Promise.all(['deploy1', 'deploy2', 'deploy3', 'deploy4'].map((id) => server.ended(id)));
      expect(ends.map(({ status }) => status)).toEqual(['success', 'success', 'success', 'success']);
      const group = await server.get<object>('/api/ada/engine/resource-groups/production');
      expect(group).toEqual({ name: 'production', processMode: 'unordered', waiting: [] });
    },
    RUN_MS,
  );

  it(
    'holds to the order that a project asks for',
    async () => {
      const path = '/api/ada/engine/resource-groups/review%2Fmain';
      await server.ask('PATCH', path, { processMode: 'newest_first' });
      const set = await server.eventually(() => server.get<object>(path).catch(() => undefined));
      expect(set).toEqual({ name: 'review/main', processMode: 'newest_first', waiting: [] });
    },
    RUN_MS,
  );

  it(
    'goes by exit codes',
    async () => {
      const { status, warnings, jobs } = await server.ended('codes');
      expect({ status, warnings }).toEqual({ status: 'success', warnings: 1 });
      expect(jobs).toMatchObject([
        { name: 'allowed', status: 'failed', exitCode: 3, allowFailure: true },
        { name: 'again', status: 'success', attempt: 2 },
      ]);
    },
    RUN_MS,
  );

  it(
    'ends a pipeline with its first failure',
    async () => {
      const { status, because, jobs } = await server.ended('first');
      expect({ status, because }).toMatchObject({ status: 'failed', because: { detail: 'bad failed' } });
      expect(jobs.map((each) => each.status)).toEqual(['failed', 'cancelled']);
    },
    RUN_MS,
  );

  it(
    'ends a pipeline for a newer commit of its branch',
    async () => {
      expect(await server.ended('older')).toMatchObject({ status: 'cancelled', because: { jobs: [] } });
      expect(await server.ended('newer')).toMatchObject({ status: 'success' });
    },
    RUN_MS,
  );

  it(
    'gives jobs to runners that have their tags, and says which are lacking',
    async () => {
      const { jobs } = await server.when('tagged', ({ jobs: [here] }) => here!.status === 'success');
      const waiting = { code: 'no_tags', detail: 'no connected runner has the tags linux, gpu; none has gpu' };
      expect(await server.get<object>(`/api/ada/engine/jobs/${jobs[1]!.id}`)).toMatchObject({
        status: 'queued',
        waiting,
      });
    },
    RUN_MS,
  );
});
