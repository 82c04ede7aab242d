import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, START_MS, Sandbox, until, type ClusterService, type PipelineAnswer } from '@foldline/client';
import { leaseTerms } from '@foldline/contracts';
import { withRealServer } from '@foldline/testing';

const LEASE_SECONDS = 180;
const SETTLED_MS = 60_000;
const TEST_MS = 120_000;

type JobEvent = { type: string; recordedAt: string; data: { attempt: number; runnerId?: string; by?: string } };
type Runner = { id: string; status: string; since: string };

/** What was given to a runner that was dead already, when its next process is there (docs/reliability.md). */
const suite = (): void => {
  describe('a runner that is killed and started again at once', () => {
    const { graceMs } = leaseTerms(LEASE_SECONDS * 1_000);
    let sandbox: Sandbox;
    let runner: ClusterService;

    beforeAll(async () => {
      const environment = { FOLDLINE_RUNNER_LEASE_SECONDS: String(LEASE_SECONDS) };
      sandbox = await Sandbox.start(environment, {}, { topology: 'distributed' });
      runner = sandbox.cluster.service('runner');
      await until('the runners to be there', async () => (await runners()).every(({ status }) => status === 'online'));
    }, START_MS);
    afterAll(() => sandbox?.stop(), START_MS);

    const runners = async (): Promise<Runner[]> => {
      const { items } = await sandbox.client.get<{ items: Runner[] }>('/api/v1/runners');
      return items;
    };
    const events = async (id: string, type: string): Promise<JobEvent[]> => {
      const path = `/api/${PROJECT}/pipelines/${id}/events?limit=200`;
      const { items } = await sandbox.client.get<{ items: JobEvent[] }>(path);
      return items.filter((event) => event.type === type);
    };
    const ended = (id: string): Promise<PipelineAnswer> =>
      until(
        `pipeline ${id} to end`,
        async () => {
          const pipeline = await sandbox.pipeline(id);
          return ['success', 'failed'].includes(pipeline.status) && pipeline;
        },
        SETTLED_MS,
      );

    it(
      'begins what was given to it meanwhile, without waiting for a lease or a grace period',
      async () => {
        sandbox.commitOnly({ '.codara-ci.yml': 'work: {parallel: 2, script: "echo done"}\n' });
        await runner.kill();
        const { id } = await sandbox.trigger();
        const given = await until('the jobs to be given to the dead process', async () => {
          const found = await events(id, 'JobAssigned');
          return found.length === 2 && found;
        });
        await runner.start();
        const { status, jobs } = await ended(id);

        expect({ status, attempts: jobs.map(({ attempt }) => attempt) }).toEqual({
          status: 'success',
          attempts: [2, 2],
        });
        const backAt = new Map((await runners()).map((one) => [one.id, Date.parse(one.since)]));
        const returned = await events(id, 'JobRetried');
        expect(returned.map(({ data }) => data.by)).toEqual(['not_started', 'not_started']);
        const sinceBack = returned.map(
          ({ recordedAt }) =>
            Date.parse(recordedAt) - Math.max(...given.map(({ data }) => backAt.get(data.runnerId!)!)),
        );
        expect(Math.max(...sinceBack)).toBeLessThan(graceMs / 2);
        const begun = (await events(id, 'AttemptStarted')).map(({ data }) => data.attempt);
        expect(begun).toEqual([2, 2]);
      },
      TEST_MS,
    );
  });
};

withRealServer('FOLDLINE_TEST_REDIS_URL', () =>
  withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () => withRealServer('FOLDLINE_TEST_S3_URL', suite)),
);
