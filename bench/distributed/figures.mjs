import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_STREAM, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { Sandbox, viewLog } from '@foldline/client';
import { OWNER, SERVICES, categoryOf } from '@foldline/contracts';
import { openEsdbEventStore } from '@foldline/event-store-esdb';
import { figure, ms, percentile } from '../lib/figures.mjs';
import { runPipelines } from './load.mjs';
import { cpuOf, eventStoreUrl } from './processes.mjs';

const PIPELINES = 24;
const AT_ONCE = 6;
const JOBS = 5;
const WARM = 4;
const TRIGGERS = 15;
const PAGE = 1000;
const APPEND_MS = 2_000;
const APPENDERS = 32;
const EVENT_BYTES = 300;
const DEFINITION = `noop:\n  script: "true"\n  parallel: ${JOBS}\n`;
const RUNNERS = { FOLDLINE_RUNNERS: 'bench:high-power:4' };

const load = () => loadavg()[0].toFixed(1);

/** Pipelines of no-op jobs on one topology, with the CPU time that each of its processes took for them. */
const throughput = async (sandbox, pids) => {
  sandbox.commit({ '.codara-ci.yml': DEFINITION });
  const clients = () => [sandbox.client];
  await runPipelines(clients, { count: WARM, atOnce: 2 });
  const before = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid)]));
  const { ends, seconds } = await runPipelines(clients, { count: PIPELINES, atOnce: AT_ONCE });
  const failed = ends.filter(({ status }) => status !== 'success').length;
  if (failed > 0) throw new Error(`${failed} of ${ends.length} pipelines did not end well`);
  const cpu = Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => {
      const now = cpuOf(pid);
      return [name, { own: now.own - before[name].own, all: now.all - before[name].all }];
    }),
  );
  return { perSecond: (PIPELINES * JOBS) / seconds, cpu };
};

const perThousand = (seconds) => `${((seconds / (PIPELINES * JOBS)) * 1000).toFixed(1)} s`;

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

let serial = 0;
const rateOf = async (appenders, append) => {
  const since = performance.now();
  let count = 0;
  const one = async () => {
    const stream = `pipeline-bench${process.pid}x${(serial += 1)}`;
    for (let revision = -1; performance.now() - since < APPEND_MS; revision += 1) {
      await append(stream, revision);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: appenders }, one));
  return count / ((performance.now() - since) / 1000);
};

/** The adapter against the bare client, one after the other on the same server, twice. */
const appends = async (url, store) => {
  const raw = EventStoreDBClient.connectionString(url);
  const data = { text: 'x'.repeat(EVENT_BYTES) };
  const about = { causationId: 'bench', correlationId: 'bench', actor: { kind: 'system', id: 'bench' } };
  const ours = (stream, revision) =>
    store.append(stream, [{ id: crypto.randomUUID(), type: 'JobQueued', version: 1, data, ...about }], revision);
  const bare = (stream, revision) =>
    raw.appendToStream(stream, jsonEvent({ type: 'JobQueued', data }), {
      expectedRevision: revision < 0 ? NO_STREAM : BigInt(revision),
    });
  for (const appenders of [1, APPENDERS]) {
    const rates = { ours: [], bare: [] };
    for (let round = 0; round < 2; round += 1) {
      rates.bare.push(await rateOf(appenders, bare));
      rates.ours.push(await rateOf(appenders, ours));
    }
    const [best, reference] = [Math.max(...rates.ours), Math.max(...rates.bare)];
    figure(
      `appends/s with ${appenders} at once (bare client ${reference.toFixed(0)}/s)`,
      `${best.toFixed(0)}/s, ${(best / reference).toFixed(2)} ×`,
      '>= 0.6 ×',
      best >= 0.6 * reference,
    );
  }
  await raw.dispose();
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
      'distributed: the same, servers included, on the same cores',
      `${spread.perSecond.toFixed(1)}, ${(spread.perSecond / alone.perSecond).toFixed(2)} ×`,
    );
    figure(
      'standalone: CPU per 1000 jobs, server (with its jobs)',
      `${perThousand(alone.cpu.server.own)} (${perThousand(alone.cpu.server.all)})`,
    );
    const { counts, bytes, jobs } = await eventsPerJob(store);
    for (const [name, { own }] of Object.entries(spread.cpu)) {
      const events = counts.get(name);
      const appended =
        events === undefined
          ? ''
          : `${(events / jobs).toFixed(2)} events, ${(bytes.get(name) / jobs / 1024).toFixed(1)} KiB a job`;
      figure(`distributed: CPU per 1000 jobs, ${name}`, perThousand(own), appended);
    }
    const line = await latency(sandbox);
    figure(
      'standalone: trigger accepted → first log line, p50',
      ms(alone.firstLine),
      '<= 100 ms',
      alone.firstLine <= 100,
    );
    figure('distributed: the same', ms(line), '<= 400 ms', line <= 400);
    await appends(url, store);
    figure('load of this machine after the run (1 min)', load());
  } finally {
    await store.close();
    await sandbox.stop();
  }
};
