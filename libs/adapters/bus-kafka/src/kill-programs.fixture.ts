import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CATEGORIES, type KafkaFixture } from './kafka.fixture.ts';

const built = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** What the programs share: a store that reads the log of the test's process, and settings from the command line. */
const COMMON = `
  import { writeSync } from 'node:fs';
  import { join } from 'node:path';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Relay, createKafkaBus, kafkaOutlet } from ${built('../dist/index.js')};
  import { openEventLogForReading } from ${built('../../event-store-embedded/dist/index.js')};
  const { directory, settings, categories, ...told } = JSON.parse(process.argv[1]);
  const reading = openEventLogForReading({ directory: join(directory, 'events') });
  const follow = async (after, listener, signal, { categories }) => {
    while (!signal.aborted) {
      const events = await reading.readAll({ after, limit: 40, categories });
      if (events.length > 0) await listener(events);
      after = events.at(-1)?.position ?? after;
      if (events.length === 0) await sleep(5);
    }
  };
  const store = { ...reading, follow };
  const now = () => new Date().toISOString();
  const die = () => process.kill(process.pid, 'SIGKILL');
`;

/** A relay that dies at a point, the n-th time that it gets there. */
const RELAY = `${COMMON}
  const { diesAt, times, checkpointsEarly } = told;
  let reached = 0;
  const point = (name) => {
    if (name === diesAt && (reached += 1) === times) die();
  };
  const { checkpoints, openPublisher } = kafkaOutlet(settings);
  const relay = new Relay({
    name: 'test', categories, now, sleep, saveEveryMs: 1, saveEveryEvents: 40,
    claims: { contend: async ({ onChange }) => onChange(true) },
    store: {
      ...store,
      follow: (after, listener, signal, options) => follow(after, async (events) => {
        // The mistake that the tests must notice: what was only received counts as published.
        if (checkpointsEarly)
          await checkpoints.save({ name: 'test', categories, position: events.at(-1).position, savedAt: now() });
        point('received');
        await listener(events);
      }, signal, options),
    },
    openPublisher: async () => {
      const publisher = await openPublisher();
      return { ...publisher, publish: async (batch) => { await publisher.publish(batch); point('produced'); } };
    },
    checkpoints: {
      ...checkpoints,
      save: (checkpoint) => { point('checkpoint'); return checkpoints.save(checkpoint); },
    },
  });
  relay.start();
`;

/** A member of a group that tells of each event that it has handled. */
const MEMBER = `${COMMON}
  const bus = await createKafkaBus({
    kafka: settings, store, now, sleep,
    timings: { sessionTimeoutMs: 1500, rebalanceTimeoutMs: 3000, heartbeatMs: 100 }, commitEveryMs: 50,
  });
  await bus.subscribe('scheduler', async ({ stream, revision }) => {
    await sleep(1);
    writeSync(1, JSON.stringify({ stream, revision }) + '\\n');
  });
`;

export type RelayDeath = {
  diesAt: 'received' | 'produced' | 'checkpoint';
  times: number;
  checkpointsEarly?: boolean;
};

const start = (program: string, { directory, settings }: KafkaFixture, told: object) =>
  spawn(
    process.execPath,
    ['--input-type=module', '-e', program, JSON.stringify({ directory, settings, categories: CATEGORIES, ...told })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

/** Runs a relay in a process of its own until it kills itself. */
export const relayUntilDeath = async (fixture: KafkaFixture, death: RelayDeath): Promise<void> => {
  const [code, signal] = (await once(start(RELAY, fixture, death), 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the relay ended by itself with ${code}`);
};

/** Runs a member of the group in a process of its own. */
export const startMember = (fixture: KafkaFixture, handled: (event: { stream: string; revision: number }) => void) => {
  const child = start(MEMBER, fixture, {});
  createInterface({ input: child.stdout! }).on('line', (line) => handled(JSON.parse(line)));
  const ended = once(child, 'close');
  return {
    kill: async (): Promise<void> => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};
