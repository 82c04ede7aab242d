import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAILPOINTS } from '../inside/failpoints.mjs';
import { INSTANCES, SERVERS } from './places.mjs';
import { WIRE_FAULTS } from './wires.mjs';

const FAILPOINT_WAIT_MS = 8_000;
const ALL = INSTANCES.map(({ name }) => name);
const runnerOf = (name) => INSTANCES.find((each) => each.name === name)?.runner;

/** Points that a service never comes past. */
const isPassed = (service, point) => (point.startsWith('spawn') ? service === 'runner' : true);

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
    await sleep(leaseMs * 1.5 + random.between(0, 4_000));
    resume();
    if (runnerOf(victim)) pauses.push({ runnerId: runnerOf(victim), from, to: Date.now() });
  },
  failpoint: async ({ services, victim, random, say, point }) => {
    const { service } = INSTANCES.find(({ name }) => name === victim);
    const failpoint = point ?? random.pick(Object.keys(FAILPOINTS).filter((name) => isPassed(service, name)));
    const passage = random.between(1, 6);
    await services.kill(victim);
    const running = services.start(victim, { failpoint, passage });
    await running.ready;
    const died = await Promise.race([running.ended.then(() => true), sleep(FAILPOINT_WAIT_MS, false)]);
    say(`${failpoint} at passage ${passage}${died ? '' : ' was not reached'}`);
    if (!died) await services.kill(victim);
    if (!died) await services.start(victim).ready;
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
  'runner-1': {
    'disk-full': async ({ disk, random }) => {
      const empty = disk.fill();
      await sleep(random.between(2_000, 6_000));
      empty();
    },
  },
};

/** Every fault of every victim, by both names. */
export const FAULTS = Object.fromEntries([
  ...ALL.map((name) => [name, { ...SERVICE_FAULTS, ...wireFaults(), ...SPECIAL[name] }]),
  ...SERVERS.map((name) => [name, { ...SERVER_FAULTS, ...wireFaults(), ...SPECIAL[name] }]),
]);

function wireFaults() {
  return Object.fromEntries(Object.keys(WIRE_FAULTS).map((fault) => [fault, onWires(fault)]));
}

/** A small file system of its own, which can be full. */
export class SmallDisk {
  #mounted = false;

  constructor(path) {
    this.path = path;
  }

  mount() {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'foldline-chaos', this.path]);
    this.#mounted = true;
  }

  /** Answers with what makes room again. */
  fill() {
    const filler = join(this.path, 'filler');
    const piece = Buffer.alloc(256 * 1024);
    try {
      for (;;) writeFileSync(filler, piece, { flag: 'a' });
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    }
    return () => rmSync(filler);
  }

  unmount() {
    if (this.#mounted) execFileSync('umount', ['--lazy', this.path]);
    this.#mounted = false;
  }
}
