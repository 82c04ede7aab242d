import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, until, type ClusterService, type PipelineAnswer } from '@foldline/client';
import { Hosts, LEASE_SECONDS } from './hosts.fixture.ts';
import { onSeveralHosts } from './on-several-hosts.ts';
import { isAlive } from '../acceptance/gate.ts';
import { SteadyLoad } from './steady-load.ts';

const START_MS = 240_000;
const LONG_MS = 240_000;
const TAKE_OVER_MS = 20_000;
/** A lease, the grace after it, and what a busy machine needs besides. */
const GIVEN_AWAY_MS = 3 * LEASE_SECONDS * 1000;

const SHARED = `stages: [build, test]
build:
  stage: build
  parallel: 4
  script:
    - echo "built on $CI_CLUSTER_ID" > part-$CI_NODE_NUMBER.txt
    - echo "network $(readlink /proc/self/ns/net)"
  artifacts: {paths: ["part-*.txt"]}
test:
  stage: test
  parallel: 4
  script: cat part-*.txt
`;
const STEADY = `stages: [build, test]
build: {stage: build, script: "sleep 0.3; echo built > out.txt", artifacts: {paths: [out.txt]}}
test: {stage: test, script: "grep built out.txt"}
`;

/** Without the log, which is sealed a moment after its job has ended. */
const outcomes = ({ status, jobs }: PipelineAnswer): unknown => ({
  status,
  jobs: jobs.map((job) => ({ ...job, log: undefined, updatedPosition: undefined })),
});
const hostOf = (job: { cluster?: { id: string } }): string => job.cluster?.id ?? 'nowhere';

onSeveralHosts(() => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await Hosts.start();
  }, START_MS);
  afterAll(() => hosts?.close(), START_MS);

  describe('runners on four hosts', () => {
    let pipeline: PipelineAnswer;
    beforeAll(async () => {
      pipeline = await hosts.ended(await hosts.trigger(SHARED));
    }, LONG_MS);

    const logs = (client = hosts.clients[0]!): Promise<string[]> =>
      Promise.all(pipeline.jobs.map(({ id }) => client.text(`/api/${PROJECT}/jobs/${id}/logs`)));
    const networksIn = (texts: readonly string[]): Set<string> =>
      new Set(texts.flatMap((text) => /^network (net:\[\d+\])$/m.exec(text)?.[1] ?? []));

    it('share the jobs of one pipeline, each on its own network', async () => {
      expect(pipeline.status).toBe('success');
      const builders = new Set(pipeline.jobs.filter(({ stage }) => stage === 'build').map(hostOf));
      expect(builders.size).toBeGreaterThanOrEqual(3);
      const known = new Map(
        await Promise.all(hosts.all.map(async (host) => [host.name, await host.identity()] as const)),
      );
      expect(networksIn(await logs())).toEqual(new Set([...builders].map((name) => known.get(name))));
    });

    it('use artifacts that were built on others', async () => {
      const texts = await logs();
      const parts = pipeline.jobs.filter(({ stage }) => stage === 'build').map((job) => `built on ${hostOf(job)}`);
      const tests = pipeline.jobs.flatMap((job, n) => (job.stage === 'test' ? [texts[n]!] : []));
      expect(tests).toHaveLength(4);
      for (const text of tests) for (const part of parts) expect(text).toContain(part);
    });

    it('have logs that both gateways show alike', async () => {
      const [one, other] = await Promise.all(hosts.clients.map((client) => logs(client)));
      expect(one).toEqual(other);
    });
  });

  describe('two gateways that are told the same many times at once', () => {
    const TIMES = 100;
    type Told = { status: number; id?: string };

    /** By turns to one and to the other, all under way at the same time. */
    const toldBoth = (path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Told[]> =>
      Promise.all(
        Array.from({ length: TIMES }, async (_none, n) => {
          const json = { 'content-type': 'application/json', ...headers };
          const answer = await hosts.clients[n % 2]!.raw('POST', path, { headers: json, body });
          const { id } = (await answer.json()) as Pick<Told, 'id'>;
          return { status: answer.status, ...(id === undefined ? {} : { id }) };
        }),
      );
    const pipelinesAt = async (sha: string): Promise<PipelineAnswer[]> => {
      const path = `/api/${PROJECT}/pipelines?limit=200`;
      const { items } = await hosts.answered((client) => client.get<{ items: PipelineAnswer[] }>(path));
      return items.filter((pipeline) => pipeline.sha === sha);
    };
    /** One pipeline at this commit, which ends, and after which there is still no other. */
    const oneAt = async (sha: string): Promise<PipelineAnswer> => {
      const [found] = await until('a pipeline', async () => {
        const pipelines = await pipelinesAt(sha);
        return pipelines.length > 0 && pipelines;
      });
      const ended = await hosts.ended(found!.id);
      const after = await hosts.trigger('build:\n  script: "true"\n');
      await hosts.ended(after);
      expect(await pipelinesAt(sha)).toHaveLength(1);
      return ended;
    };

    it(
      'start one pipeline for one delivery of a forge',
      async () => {
        const sha = hosts.sandbox.commitOnly({ '.codara-ci.yml': STEADY });
        const body = JSON.stringify({ ref: 'refs/heads/main', after: sha, repository: { full_name: PROJECT } });
        const { webhookSecret } = hosts.sandbox.server;
        const headers = {
          'x-github-event': 'push',
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${createHmac('sha256', webhookSecret).update(body).digest('hex')}`,
        };
        const told = await toldBoth('/v1/webhooks/github', headers, body);
        expect(new Set(told.map(({ status }) => Math.floor(status / 100)))).toEqual(new Set([2]));
        expect((await oneAt(sha)).status).toBe('success');
      },
      LONG_MS,
    );

    it(
      'start one pipeline for one request with a key, and name it to all who asked',
      async () => {
        const sha = hosts.sandbox.commitOnly({ '.codara-ci.yml': STEADY });
        const headers = { 'idempotency-key': randomUUID() };
        const told = await toldBoth(`/api/${PROJECT}/pipelines`, headers, JSON.stringify({ ref: 'main' }));
        const { id } = await oneAt(sha);
        expect(new Set(told.map((answer) => `${answer.status} ${answer.id}`))).toEqual(new Set([`202 ${id}`]));
      },
      LONG_MS,
    );
  });

  describe('hosts that are cut off', () => {
    let id: string;
    let cutOff: Set<string>;
    let before: Map<string, string>;

    /** What was recorded of the pipeline's attempts: their starts, steps and ends. */
    const attemptsIn = async (id: string): Promise<string[]> =>
      (await hosts.events(id)).flatMap(({ type, data }) =>
        type.startsWith('Attempt') ? [`${type} ${data.jobId}.${data.attempt} ${data.outcome ?? ''}`] : [],
      );

    beforeAll(async () => {
      before = await hosts.online();
      const script = `${hosts.trace('begun')}; ${hosts.waitAtGate}; ${hosts.trace('ended')}; echo done`;
      id = await hosts.trigger(`work:\n  parallel: 8\n  script: '${script}'\n`);
      await until('all slots to be taken', () => hosts.traces().length === 8);
      await hosts.host('host-a').cut('both ways');
      await hosts.host('host-b').cut('hears nothing');
      await hosts.host('host-c').cut('says nothing');
      cutOff = new Set(['host-a', 'host-b', 'host-c']);
    }, LONG_MS);
    afterAll(() => Promise.all(hosts.all.map((host) => host.heal())));

    it(
      'kill what runs there within the lease, and none of it survives',
      async () => {
        const pids = hosts.traces().flatMap(({ host, pid }) => (cutOff.has(host) ? [pid] : []));
        expect(pids).toHaveLength(6);
        await until(
          'jobs of hosts that are cut off to be killed',
          () => !pids.some(isAlive),
          LEASE_SECONDS * 1000 + 5_000,
        );
        for (const name of ['host-a', 'host-b', 'host-c'] as const) {
          const shells = (await hosts.host(name).pids()).filter((pid) => pids.includes(pid) && isAlive(pid));
          expect(shells).toEqual([]);
        }
      },
      LONG_MS,
    );

    it(
      'lose their jobs to others after the lease, which finish them',
      async () => {
        await until(
          'the jobs to be given away',
          async () =>
            (await hosts.pipeline(id)).jobs.every(({ attempt, cluster }) => attempt > 1 || cluster?.id === 'host-d'),
          GIVEN_AWAY_MS,
        );
        hosts.openGate();
        const { status, jobs } = await hosts.ended(id);
        expect(status).toBe('success');
        expect(new Set(jobs.map(hostOf))).toEqual(new Set(['host-d']));
      },
      LONG_MS,
    );

    it(
      'are runners again when the cut heals, and have done nothing else',
      async () => {
        const ended = await hosts.pipeline(id);
        const recorded = await attemptsIn(id);
        for (const name of cutOff) await hosts.host(name as 'host-a').heal();
        const after = await until(
          'the runners to be back',
          async () => {
            const online = await hosts.online();
            return online.size === hosts.all.length && online;
          },
          60_000,
        );
        for (const name of cutOff) expect(after.get(name)).not.toBe(before.get(name));
        const working = new Set<string>();
        await until(
          'every host to run jobs again',
          async () => {
            const id = await hosts.trigger('work: {parallel: 4, script: "sleep 0.5"}\n');
            for (const job of (await hosts.ended(id)).jobs) working.add(hostOf(job));
            return working.size === hosts.all.length;
          },
          GIVEN_AWAY_MS,
        );
        expect(outcomes(await hosts.pipeline(id))).toEqual(outcomes(ended));
        // What was killed there ended as lost, and nothing else is to be said of it.
        const later = (await attemptsIn(id)).filter((one) => !recorded.includes(one));
        expect(later.filter((one) => !/^AttemptFinished \S+\.1 lost$/.test(one))).toEqual([]);
        expect(hosts.traces().filter(({ word, host }) => word === 'ended' && cutOff.has(host))).toEqual([]);
        expect(hosts.traces().filter(({ word }) => word === 'ended')).toHaveLength(8);
      },
      LONG_MS,
    );
  });

  describe('two schedulers', () => {
    const hasBegun = ({ jobs }: PipelineAnswer): boolean =>
      jobs.some(({ status }) => ['running', 'success'].includes(status));
    const leads = (service: ClusterService): boolean =>
      service.log().lastIndexOf('this scheduler leads') > service.log().lastIndexOf('stands by');

    it(
      'go on within 20 s when the one that leads is killed',
      async () => {
        const schedulers = [0, 1].map((n) => hosts.sandbox.cluster.service('scheduler', n));
        const leader = schedulers.find(leads)!;
        await leader.kill();
        const killedAt = performance.now();
        const id = await hosts.trigger(STEADY);
        await until('a job to begin', async () => hasBegun(await hosts.pipeline(id)), 2 * TAKE_OVER_MS);
        expect(performance.now() - killedAt).toBeLessThan(TAKE_OVER_MS);
        expect(schedulers.filter((one) => one !== leader && leads(one))).toHaveLength(1);
        expect((await hosts.ended(id)).status).toBe('success');
        await leader.start();
      },
      LONG_MS,
    );
  });

  describe('a rolling restart under load', () => {
    it(
      'of a process of each service, one after the other, fails no job',
      async () => {
        const { cluster } = hosts.sandbox;
        hosts.sandbox.commitOnly({ '.codara-ci.yml': STEADY });
        const load = new SteadyLoad(hosts);
        const wrongEnds: string[] = [];
        // `node bench/main.mjs rolling` does it with every process.
        for (const service of cluster.all.filter(({ instance }) => instance === 0)) {
          const before = service.log().length;
          const code = await service.stop();
          if (code !== 0) wrongEnds.push(`${service.name} ended with ${String(code)}: ${service.log().slice(before)}`);
          await service.start();
        }
        const pipelines = await load.stop();
        expect(wrongEnds).toEqual([]);
        expect(pipelines.length).toBeGreaterThan(4);
        expect(pipelines.filter(({ status }) => status !== 'success')).toEqual([]);
        expect(pipelines.flatMap(({ jobs }) => jobs).filter(({ status }) => status !== 'success')).toEqual([]);
      },
      LONG_MS,
    );
  });
});
