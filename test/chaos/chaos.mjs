import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../faults/lib/percentile.mjs';
import { createRandom } from '../faults/lib/random.mjs';
import { checkHistory } from './check-history.mjs';
import { Cluster } from './lib/cluster.mjs';
import { mountForServers } from './lib/disks.mjs';
import { FAULTS } from './lib/faults.mjs';
import { ALONE_PORT, ROOT } from './lib/places.mjs';
import { servers } from './lib/servers.mjs';

/**
 * Runs the distributed mode under load, strikes its services, its servers and the network between them, and checks
 * after each strike what was recorded, kept and shown.
 *
 *   --runs 10           strikes, one after the other
 *   --seed 1            of the first; each of the others has the next one
 *   --victims a,b       only these services and servers; --faults a,b  only these faults; --point  only this failpoint
 *   --plan a:kill,b:cut the strikes themselves, one run for each, in the place of chance
 *   --minutes 60        begins no further run after this time, counted from when the servers are up
 *   --per-cluster 8     runs until everything starts from nothing
 *   --settle 90         seconds within which everything must have come to its end after the faults
 *   --mutant NAME       breaks one promise in every service: then violations must be found, and the first ends it
 *   --strikes 1         how often each run strikes; 0 only uses the cluster, for so many seconds: --load 4
 *   --record            every service tells what it handles, not only those of every other cluster
 *   --keep              keeps the directory; --keep-servers leaves the servers running
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    victims: { type: 'string' },
    faults: { type: 'string' },
    point: { type: 'string' },
    plan: { type: 'string' },
    record: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '600' },
    'per-cluster': { type: 'string', default: '8' },
    settle: { type: 'string', default: '90' },
    mutant: { type: 'string' },
    strikes: { type: 'string', default: '1' },
    load: { type: 'string', default: '4' },
    keep: { type: 'boolean', default: false },
    'keep-servers': { type: 'boolean', default: false },
  },
});
const say = (text) => process.stdout.write(`${text}\n`);
/** Violations of one rule that are shown; the rest is counted. */
const SHOWN = 5;

const wanted = (list, name) => list === undefined || list.split(',').includes(name);
const choices = Object.entries(FAULTS).flatMap(([victim, faults]) =>
  Object.keys(faults)
    .filter((fault) => wanted(values.victims, victim) && wanted(values.faults, fault))
    .map((fault) => ({ victim, fault })),
);

const plan = values.plan?.split(',').map((strike) => {
  const [victim, fault, point] = strike.split(':');
  return { victim, fault, point };
});
const unknown = (plan ?? []).filter(({ victim, fault }) => FAULTS[victim]?.[fault] === undefined);
const RUNS = plan?.length ?? Number(values.runs);

const results = [];
const STRIKES = Number(values.strikes);
/**
 * What is put around the adapters of all services: a mutant, and a record of what they handle. The services of the other
 * clusters are the bundles as they are shipped.
 */
const insideOf = (seed) => {
  const { mutant } = values;
  const record = values.record || mutant !== undefined || createRandom(seed, 'record').chance(0.5);
  return record ? { '*': { mutant, record } } : undefined;
};
let cluster;
let runsHere = 0;
let disks = new Map();

const end = async () => {
  if (!cluster) return;
  const ending = cluster;
  const { leftovers, server } = await ending.stop();
  cluster = undefined;
  const violations = [
    ...leftovers.processes.map(({ pid, command }) => `process ${pid} is still there: ${command}`),
    ...leftovers.directories.map((name) => `the directory of attempt ${name} is still there`),
    ...server.unexpectedEnds,
  ].map((message) => ({ rule: 'afterTheEnd', message }));
  if (violations.length > 0) {
    results.push({ violations });
    show('after the end', violations);
  }
  const failed = results.some((result) => result.violations.length > 0 && result.cluster === ending);
  // A mutant is expected to go wrong, time and again.
  const isFound = values.mutant === undefined && (violations.length > 0 || failed);
  if (!values.keep && !isFound) return ending.remove();
  ending.keep();
  say(`kept: ${ending.directory}`);
};

const begin = async (seed) => {
  cluster = new Cluster({
    seed,
    say: (text) => say(`    ${text}`),
    inside: insideOf(seed),
    disks,
    settleMs: Number(values.settle) * 1000,
  });
  runsHere = 0;
  await cluster.start();
};

const show = (what, violations) => {
  say(`  ${what}: ${violations.length} violations`);
  for (const rule of new Set(violations.map((violation) => violation.rule))) {
    const messages = violations.filter((violation) => violation.rule === rule).map(({ message }) => message);
    for (const message of messages.slice(0, SHOWN)) say(`    ${rule}: ${message}`);
    if (messages.length > SHOWN) say(`    ${rule}: and ${messages.length - SHOWN} more`);
  }
};

/** Victim and fault follow from the seed alone, so that a seed says all. */
const strikeOf = (seed) => {
  if (STRIKES === 0) return { seed };
  if (plan) return { ...plan[seed - Number(values.seed)], seed, strikes: STRIKES };
  const { victim, fault } = createRandom(seed, 'strike').pick(choices);
  return { seed, victim, fault, strikes: STRIKES, point: values.point };
};

const oneRun = async (seed) => {
  if (cluster && runsHere >= Number(values['per-cluster'])) await end();
  if (!cluster) await begin(seed);
  runsHere += 1;
  const strike = strikeOf(seed);
  const name = `seed ${seed}: ${strike.victim ?? 'nobody'} ${strike.fault ?? ''}`.trim();
  say(name);
  const { ms } = await cluster.run({ ...strike, loadMs: Number(values.load) * 1000 });
  const history = await cluster.history(STRIKES === 0);
  const violations = checkHistory(history);
  if (violations.length > 0 || values.keep) cluster.keepEvents(history.events);
  results.push({ ...strike, ms, violations, cluster, events: history.events });
  const pipelines = history.events.filter(({ type }) => type === 'PipelineRequested').length;
  show(
    `settled after ${ms} ms, ${pipelines} pipelines so far, ${cluster.disorder.repeated} events repeated`,
    violations,
  );
  // What went wrong stays wrong: the next run must not be blamed for it.
  if (violations.length > 0) await end();
};

const isCaught = () => values.mutant !== undefined && results.some(({ violations }) => violations.length > 0);

const summary = () => {
  const times = results.filter(({ ms }) => ms !== undefined).map(({ ms }) => ms);
  const violations = results.reduce((sum, result) => sum + result.violations.length, 0);
  const bad = results.filter((result) => result.violations.length > 0 && result.seed !== undefined);
  say(`runs: ${times.length} of ${RUNS}; seeds ${values.seed} to ${Number(values.seed) + times.length - 1}`);
  say(`time to converge (ms): p50 ${percentile(times, 0.5)}, most ${Math.max(0, ...times)}`);
  if (bad.length > 0) say(`seeds with violations: ${bad.map(({ seed }) => seed).join(', ')}`);
  say(`violations: ${violations}`);
  return violations;
};

if (choices.length === 0 || unknown.length > 0) {
  say(`no such victim or fault; victims: ${Object.keys(FAULTS).join(', ')}`);
  process.exit(2);
}
if (!existsSync(join(ROOT, 'dist/services/scheduler.js'))) {
  say('needs the build: npm run build');
  process.exit(2);
}
const isAlone = await new Promise((resolve) => {
  const alone = createServer().unref();
  alone.once('error', () => resolve(false));
  alone.listen(ALONE_PORT, '127.0.0.1', () => resolve(true));
});
if (!isAlone) {
  say(`another run is under way here: it holds port ${ALONE_PORT}, and would lose its servers to this one`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    cluster?.abandon();
    process.exit(130);
  });
}
disks = mountForServers(servers.isRunning, say);
try {
  await servers.up();
  const until = performance.now() + Number(values.minutes) * 60_000;
  for (let n = 0; n < RUNS && performance.now() < until && !isCaught(); n += 1) await oneRun(Number(values.seed) + n);
  await end();
} finally {
  // Something went wrong here, not in what is struck: nothing of it may be in the way of the next run.
  if (cluster) say(`kept: ${cluster.directory}`);
  cluster?.abandon();
  if (!values['keep-servers']) {
    await servers.down();
    for (const disk of disks.values()) disk.unmount();
  }
}
process.exit(summary() > 0 ? 1 : 0);
