import { setTimeout as sleep } from 'node:timers/promises';
import { FAILPOINTS } from '../inside/failpoints.mjs';
import { SERVERS_WITH_DISK, WITH_DISK } from './disks.mjs';
import { INSTANCES, SERVERS } from './places.mjs';
import { WIRE_FAULTS } from './wires.mjs';

/** Under load every point is passed within this time, the rarest of a deployer's as well. */
const FAILPOINT_WAIT_MS = 60_000;
const FAILPOINT_TRIES = 3;
/** Longer than the longest claim (15 s, of a relay): a leader that wakes finds another one beside it. */
const BEYOND_CLAIMS_MS = 18_000;
/** A server that cannot write ends within this time, if it does. */
const ENDING_MS = 5_000;
const ALL = INSTANCES.map(({ name }) => name);
const runnerOf = (name) => INSTANCES.find((each) => each.name === name)?.runner;

/**
 * What a service can come past. Each appends, brings what it appended to Kafka, keeps how far it has come and handles what
 * others did; only runners start shells.
 */
const HANDLING = ['append', 'produce', 'checkpoint', 'handle', 'commit'];
const PASSED = { runner: [...HANDLING, 'spawn'] };
export const pointsOf = (service) => {
  const passed = PASSED[service] ?? HANDLING;
  return Object.keys(FAILPOINTS).filter((point) => passed.includes(point.split('.')[0]));
};
/** One process of a service passes these for all of them. */
const isOfTheLeader = (point) => point.startsWith('produce') || point.startsWith('checkpoint');
/** A deployer appends when somebody deploys, which is now and then. */
const passageOf = (service, random) => random.between(1, service === 'deployer' ? 2 : 6);

/**
 * Starts a service that dies at a point, and waits until it has. What the one before it held it gives up in order:
 * claims and partitions of a process that was killed are still its own when the next one starts, and nothing is passed
 * until they are over. Answers with false when the point was not reached.
 */
const dieAt = async ({ services, victim, say }, service, failpoint, passage) => {
  const others = isOfTheLeader(failpoint) ? INSTANCES.filter((each) => each.service === service) : [];
  const rivals = others.map(({ name }) => name).filter((name) => name !== victim);
  await Promise.all([victim, ...rivals].map((name) => services.stop(name)));
  const since = performance.now();
  const running = services.start(victim, { ...services.inside['*'], failpoint, passage });
  await running.ready;
  await Promise.all(rivals.map((name) => services.start(name).ready));
  const died = await Promise.race([running.ended.then(() => true), sleep(FAILPOINT_WAIT_MS, false, { ref: false })]);
  const after = ((performance.now() - since) / 1000).toFixed(1);
  say(`${failpoint} at passage ${passage} ${died ? `reached after ${after} s` : 'was not reached'}`);
  if (died) await services.replaced(victim, running);
  else {
    await services.stop(victim);
    await services.start(victim).ready;
  }
  return died;
};

/** Faults of a service, each with what is done; every one of them is over when its promise settles. */
const SERVICE_FAULTS = {
  kill: async ({ services, victim, random }) => {
    await services.kill(victim);
    await sleep(random.between(0, 3_000));
    await services.start(victim).ready;
  },
  'kill-for-long': async ({ services, victim, random, leaseMs }) => {
    await services.kill(victim);
    await sleep(leaseMs * 1.5 + random.between(0, 3_000));
    await services.start(victim).ready;
  },
  restart: async ({ services, victim }) => {
    await services.stop(victim);
    await services.start(victim).ready;
  },
  pause: async ({ services, victim, random, leaseMs, pauses }) => {
    const from = Date.now();
    const resume = services.pause(victim);
    const ms = random.chance(0.4) ? BEYOND_CLAIMS_MS : leaseMs * 1.5;
    await sleep(ms + random.between(0, 4_000));
    resume();
    if (runnerOf(victim)) pauses.push({ runnerId: runnerOf(victim), from, to: Date.now() });
  },
  failpoint: async (tools) => {
    const { victim, random, point, unmade } = tools;
    const { service } = INSTANCES.find(({ name }) => name === victim);
    let points = point === undefined ? pointsOf(service) : [point];
    for (let tries = 0; tries < FAILPOINT_TRIES && points.length > 0; tries += 1) {
      const failpoint = random.pick(points);
      if (await dieAt(tools, service, failpoint, passageOf(service, random))) return;
      points = points.filter((each) => each !== failpoint);
    }
    unmade.push(`${victim} was to die at a failpoint, and came past none`);
  },
};

const SERVER_FAULTS = {
  kill: async ({ servers, victim, random }) => {
    await servers.end(victim, 'SIGKILL');
    await sleep(random.between(0, 5_000));
    await servers.up(victim);
  },
  restart: async ({ servers, victim }) => {
    await servers.end(victim, 'SIGTERM');
    await servers.up(victim);
  },
  pause: async ({ servers, victim, random, leaseMs }) => {
    servers.signal(victim, 'SIGSTOP');
    await sleep(random.between(2_000, leaseMs * 2));
    servers.signal(victim, 'SIGCONT');
  },
};

const onWires =
  (fault) =>
  async ({ wires, victim, random, leaseMs, say }) => {
    const instances = SERVERS.includes(victim) ? ALL : [victim];
    const struck = SERVERS.includes(victim) ? [victim] : random.chance(0.5) ? SERVERS : [random.pick(SERVERS)];
    if (!SERVERS.includes(victim)) say(`to ${struck.join(', ')}`);
    const clear = wires.fault(fault, instances, struck);
    await sleep(random.between(2_000, leaseMs * 2.5));
    clear();
  };

const SPECIAL = {
  redis: {
    flush: async ({ servers, random }) => {
      for (let n = random.between(1, 3); n > 0; n -= 1) {
        await servers.flushRedis();
        await sleep(random.between(200, 2_000));
      }
    },
  },
};

const diskFull = async ({ disks, servers, victim, random, say, unmade }) => {
  const disk = disks.get(victim);
  if (!disk) return void unmade.push(`${victim} has no disk of its own that could be full`);
  const giveBack = disk.fill();
  await sleep(random.between(2_000, 6_000));
  giveBack();
  if (SERVERS_WITH_DISK.includes(victim)) await keptRunning(servers, victim, say);
};
/** Some servers end when they cannot write, as Kafka does, and are started again by whoever keeps them. */
const keptRunning = async (servers, name, say) => {
  for (const since = performance.now(); performance.now() - since < ENDING_MS; await sleep(200)) {
    if (servers.isRunning(name)) continue;
    say(`${name} has ended, and is started again`);
    return servers.up(name);
  }
};
const onDisk = (name) => ([...WITH_DISK, ...SERVERS_WITH_DISK].includes(name) ? { 'disk-full': diskFull } : {});

/** Every fault of every victim, by both names. */
export const FAULTS = Object.fromEntries([
  ...ALL.map((name) => [name, { ...SERVICE_FAULTS, ...wireFaults(), ...onDisk(name) }]),
  ...SERVERS.map((name) => [name, { ...SERVER_FAULTS, ...wireFaults(), ...onDisk(name), ...SPECIAL[name] }]),
]);

function wireFaults() {
  return Object.fromEntries(Object.keys(WIRE_FAULTS).map((fault) => [fault, onWires(fault)]));
}
