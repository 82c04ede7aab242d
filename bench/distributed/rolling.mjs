import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT, Sandbox } from '@foldline/client';
import { figure } from '../lib/figures.mjs';
import { answered, ended } from './load.mjs';

const TWICE = { scheduler: 2, runner: 2, 'api-gateway': 2 };
const SERVICES = ['pipeline-planner', 'artifact-store', 'deployer', 'notifier', 'scheduler', 'runner', 'api-gateway'];
const IN_FLIGHT = 2;
const PATIENCE_MS = 240_000;
const TAKE_OVER_MS = 20_000;
const AFTER_KILL = 6;
const DEFINITION = `stages: [build, test]
build:
  stage: build
  script: "sleep 0.3; echo built > out.txt"
  artifacts: {paths: [out.txt]}
test:
  stage: test
  script: "grep built out.txt"
`;

/** Pipelines that are asked for one after the other, whatever happens to the cluster meanwhile. */
class SteadyLoad {
  ends = [];
  accepted = [];
  #stopping = false;

  constructor(clients) {
    this.clients = clients;
    this.lanes = Promise.all(Array.from({ length: IN_FLIGHT }, () => this.#lane()));
  }

  async stop() {
    this.#stopping = true;
    await this.lanes;
  }

  async #lane() {
    while (!this.#stopping) {
      const { id } = await answered(this.clients, (client) =>
        client.post(`/api/${PROJECT}/pipelines`, { ref: 'main', variables: {} }),
      );
      this.accepted.push(id);
      this.ends.push(await ended(this.clients, id, PATIENCE_MS));
    }
  }
}

const leads = (service) => service.log().lastIndexOf('this scheduler leads') > service.log().lastIndexOf('stands by');

/** From the death of the scheduler that leads to the first and last of some new pipelines' jobs on a runner. */
const takeOver = async (cluster, clients) => {
  const schedulers = [0, 1].map((n) => cluster.service('scheduler', n)).filter(({ pid }) => pid !== undefined);
  const leader = schedulers.find(leads);
  await leader.kill('SIGKILL');
  const killed = performance.now();
  const ids = await Promise.all(
    Array.from({ length: AFTER_KILL }, async () => {
      const { id } = await answered(clients, (client) => client.post(`/api/${PROJECT}/pipelines`, { ref: 'main' }));
      return id;
    }),
  );
  const begun = await Promise.all(
    ids.map(async (id) => {
      for (; ; await sleep(100)) {
        const { jobs } = await answered(clients, (client) => client.get(`/api/${PROJECT}/pipelines/${id}`));
        if (jobs.some(({ status }) => !['created', 'queued'].includes(status))) return performance.now() - killed;
        if (performance.now() - killed > PATIENCE_MS) throw new Error(`pipeline ${id} never got a runner`);
      }
    }),
  );
  const lead = schedulers.find((scheduler) => scheduler !== leader);
  await leader.start();
  await Promise.all(ids.map((id) => ended(clients, id, PATIENCE_MS)));
  return { begun, led: leads(lead) };
};

/**
 * Every service is restarted, one process after the other, while pipelines run; then the scheduler that leads is killed.
 * No job may fail, and whatever was accepted must end well.
 */
export const benchRolling = async () => {
  const sandbox = await Sandbox.start(
    { FOLDLINE_DRAIN_SECONDS: '60' },
    {},
    { topology: 'distributed', instances: TWICE },
  );
  const { cluster } = sandbox;
  const clients = () =>
    [0, 1]
      .map((n) => cluster.service('api-gateway', n))
      .filter(({ pid }) => pid !== undefined)
      .map((gateway) => cluster.clientOf(gateway));
  try {
    sandbox.commit({ '.codara-ci.yml': DEFINITION });
    const load = new SteadyLoad(clients);
    const codes = [];
    const began = performance.now();
    for (const name of SERVICES) {
      for (let n = 0; n < (TWICE[name] ?? 1); n += 1) {
        const service = cluster.service(name, n);
        codes.push(await service.stop());
        await service.start();
      }
    }
    await load.stop();
    const seconds = (performance.now() - began) / 1000;
    const good = load.ends.filter(({ status }) => status === 'success').length;
    figure(
      `rolling restart of ${codes.length} processes in ${seconds.toFixed(0)} s: pipelines accepted, ended well`,
      `${load.accepted.length}, ${good}`,
      'all of them',
      good === load.accepted.length && load.ends.length === good,
    );
    const retried = await attemptsBeyondTheFirst(clients, load.accepted);
    figure('jobs that were given to a second runner meanwhile', `${retried}`);
    figure('processes that ended with 0', `${codes.filter((code) => code === 0).length}`, 'all', !codes.some(Boolean));
    const { begun, led } = await takeOver(cluster, clients);
    const longest = Math.max(...begun);
    figure(
      'the leading scheduler killed: its pipelines get a runner again, first',
      `${(Math.min(...begun) / 1000).toFixed(1)} s`,
    );
    figure(
      'the same, last of six new pipelines',
      `${(longest / 1000).toFixed(1)} s`,
      '<= 20 s',
      led && longest <= TAKE_OVER_MS,
    );
  } finally {
    await sandbox.stop();
  }
};

const attemptsBeyondTheFirst = async (clients, ids) => {
  let retried = 0;
  for (const id of ids) {
    const { jobs } = await answered(clients, (client) => client.get(`/api/${PROJECT}/pipelines/${id}`));
    retried += jobs.filter(({ attempt }) => attempt > 1).length;
  }
  return retried;
};
