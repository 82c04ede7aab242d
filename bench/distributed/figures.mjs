import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sandbox, viewLog } from '@foldline/client';
import { OWNER, SERVICES, categoryOf } from '@foldline/contracts';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { figure, ms, percentile } from '../lib/figures.mjs';
import { appends } from './appends.mjs';
import { runPipelines } from './load.mjs';
import { cpuOf, eventStoreUrl, memoryOf } from './processes.mjs';

const PIPELINES = 16;
const AT_ONCE = 8;
const JOBS = 20;
const IDLE_MS = 8_000;
const WARM = 3;
const PAUSE_MS = 2_000;
const TRIGGERS = 15;
const PAGE = 1000;
const DEFINITION = `noop:\n  script: "true"\n  parallel: ${JOBS}\n`;
const RUNNERS = { FOLDLINE_RUNNERS: 'bench:high-power:16' };

const load = () => loadavg()[0].toFixed(1);

const cpuSince = (pids, before) =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid) - (before?.[name] ?? 0)]));

/**
 * Pipelines of no-op jobs on one topology, with the CPU seconds that each process took for them. `idle` is what it takes
 * in a second in which nobody asks anything of it, which is no part of `forJobs`.
 */
const throughput = async (sandbox, pids) => {
  sandbox.commit({ '.codara-ci.yml': DEFINITION });
  const clients = () => [sandbox.client];
  await runPipelines(clients, { count: WARM, atOnce: 2 });
  await sleep(PAUSE_MS);
  const resting = cpuSince(pids);
  await sleep(IDLE_MS);
  const idled = cpuSince(pids, resting);
  const memory = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, memoryOf(pid)]));
  const before = cpuSince(pids);
  const { ends, seconds } = await runPipelines(clients, { count: PIPELINES, atOnce: AT_ONCE });
  const taken = cpuSince(pids, before);
  const failed = ends.filter(({ status }) => status !== 'success').length;
  if (failed > 0) throw new Error(`${failed} of ${ends.length} pipelines did not end well`);
  const cpu = Object.keys(pids).map((name) => {
    const idle = idled[name] / (IDLE_MS / 1000);
    return { name, idle, memory: memory[name], forJobs: Math.max(0, taken[name] - idle * seconds) };
  });
  return { perSecond: (PIPELINES * JOBS) / seconds, cpu };
};

const perThousand = (seconds) => `${((seconds / (PIPELINES * JOBS)) * 1000).toFixed(1)} s`;
const share = ({ idle, memory }) =>
  `${(idle * 100).toFixed(1)} % of a core and ${memory.all.toFixed(0)} MiB (${memory.own.toFixed(0)} its own) when idle`;

/** From the accepted trigger to the first line of the job's own output at a viewer. */
const latency = async (sandbox) => {
  const times = [];
  sandbox.commit({ '.codara-ci.yml': 'job:\n  script: echo hello-viewer\n' });
  for (let n = 0; n < TRIGGERS; n += 1) {
    const { id } = await sandbox.trigger();
    const accepted = performance.now();
    times.push((await firstLine(sandbox.client.connection, `${id}.0`)) - accepted);
    await sandbox.rested(id);
  }
  return percentile(times.slice(1));
};

const firstLine = async (connection, jobId) => {
  for (;;) {
    try {
      let text = '';
      for await (const chunk of viewLog(connection, jobId)) {
        text += chunk;
        if (text.includes('hello-viewer\n')) return performance.now();
      }
    } catch {
      await sleep(5);
    }
  }
};

/** Events that each service has appended for one pipeline with its jobs. */
const eventsPerJob = async (store) => {
  const counts = new Map(SERVICES.map((name) => [name, 0]));
  const bytes = new Map(SERVICES.map((name) => [name, 0]));
  let jobs = 0;
  for (let after = 0, more = true; more;) {
    const page = await store.readAll({ after, limit: PAGE });
    for (const { type, stream, data } of page) {
      const service = OWNER[categoryOf(stream)];
      counts.set(service, counts.get(service) + 1);
      bytes.set(service, bytes.get(service) + JSON.stringify(data).length);
      if (type === 'JobSucceeded') jobs += 1;
    }
    after = page.at(-1)?.position ?? after;
    more = page.length === PAGE;
  }
  return { counts, bytes, jobs };
};

const standalone = async () => {
  const sandbox = await Sandbox.start(RUNNERS, {}, { topology: 'standalone' });
  try {
    const result = await throughput(sandbox, { server: sandbox.server.pid });
    return { ...result, firstLine: await latency(sandbox) };
  } finally {
    await sandbox.stop();
  }
};

/**
 * What a job costs each service, and what the distributed mode costs against standalone on the same machine in the same
 * run. Needs the servers of `infra/ci/servers`; the event store is the one that the tests use, on a disk of this machine.
 */
export const benchDistributed = async () => {
  figure('load of this machine before the run (1 min)', load());
  const alone = await standalone();
  const sandbox = await Sandbox.start(RUNNERS, {}, { topology: 'distributed' });
  const { cluster } = sandbox;
  const url = eventStoreUrl(cluster);
  const store = await openEsdbEventStore({ url });
  try {
    const pids = Object.fromEntries(SERVICES.map((name) => [name, cluster.service(name).pid]));
    const spread = await throughput(sandbox, { ...pids, 'event store (of the tests)': cluster.eventStore.pid });
    figure(`standalone: no-op jobs/s, pipelines of ${JOBS}`, alone.perSecond.toFixed(1));
    figure(
      'distributed: the same on the same cores, one process of each',
      `${spread.perSecond.toFixed(1)}, ${(spread.perSecond / alone.perSecond).toFixed(2)} ×`,
    );
    const [server] = alone.cpu;
    figure('standalone: CPU per 1000 jobs', perThousand(server.forJobs), share(server));
    const { counts, bytes, jobs } = await eventsPerJob(store);
    for (const process of spread.cpu) {
      const { name, forJobs } = process;
      const events = counts.has(name)
        ? `; ${(counts.get(name) / jobs).toFixed(2)} events, ${(bytes.get(name) / jobs / 1024).toFixed(1)} KiB a job`
        : '';
      figure(`distributed: CPU per 1000 jobs, ${name}`, perThousand(forJobs), `${share(process)}${events}`);
    }
    const total = spread.cpu.reduce((sum, { forJobs }) => sum + forJobs, 0);
    figure(
      'distributed: CPU per 1000 jobs, together',
      `${perThousand(total)}, ${(total / server.forJobs).toFixed(1)} ×`,
    );
    const line = await latency(sandbox);
    figure(
      'standalone: trigger accepted → first log line, p50',
      ms(alone.firstLine),
      '<= 100 ms',
      alone.firstLine <= 100,
    );
    figure('distributed: the same', ms(line), '<= 400 ms', line <= 400);
    await cluster.stopServices();
    await appends(url, store);
    figure('load of this machine after the run (1 min)', load());
  } finally {
    await store.close();
    await sandbox.stop();
  }
};
