import { appendFileSync, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '@foldline/kernel';
import { createRandom } from '../../faults/lib/random.mjs';

const LATEST_MS = 3_000;
/** As patient as the buses are. */
const TRIES = 5;
const PAUSE_MS = 50;

const busOf = async () =>
  process.env.FOLDLINE_MODE === 'distributed'
    ? (await import('@foldline/bus-kafka')).KafkaBus
    : (await import('@foldline/bus-embedded')).EmbeddedBus;

/**
 * Hands what is handled to its handler again as long as the file `on` is there, and writes down in a file of this process which event was handled by which
 * consumer for the how-manieth time.
 */
export const repeatEverything = async ({ directory, on, seed }) => {
  const service = basename(dirname(dirname(process.argv[1])));
  const random = createRandom(seed, service);
  const file = join(directory, `${service}-${process.pid}.jsonl`);
  const tell = (group, { id, stream, type }, time) =>
    appendFileSync(file, `${JSON.stringify({ group, id, stream, type, time })}\n`);
  let stopping = false;
  process.prependListener('SIGTERM', () => (stopping = true));

  const { prototype } = await busOf();
  const { subscribe } = prototype;
  prototype.subscribe = function (group, handler, options) {
    if (this.context.deliveries) this.context.deliveries = severalTimes(random, on);
    const turns = new Map();
    /** Due times by key: what comes again later in a key is not handed over earlier. */
    const due = new Map();
    const inTurn = (key, work) => {
      const turn = (turns.get(key) ?? Promise.resolve()).then(work);
      turns.set(
        key,
        turn.catch(() => undefined),
      );
      return turn;
    };
    const again = (event) =>
      inTurn(event.correlationId, async () => {
        if (stopping) return;
        await patiently(
          () => handler(event),
          () => stopping,
        );
        tell(group, event, 2);
      });
    const once = async (event, ...more) => {
      await inTurn(event.correlationId, () => handler(event, ...more));
      if (!existsSync(on)) return;
      tell(group, event, 1);
      const at = Math.max(due.get(event.correlationId) ?? 0, performance.now() + random.between(0, LATEST_MS));
      due.set(event.correlationId, at);
      // What cannot be handled again must not pass: nobody catches it, and the process ends.
      setTimeout(() => void again(event), at - performance.now()).unref();
    };
    return subscribe.call(this, group, once, options);
  };
};

const patiently = async (work, isEnough) => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (isEnough()) return;
      if (!(error instanceof TransientError) && tries === TRIES) throw error;
      await sleep(PAUSE_MS * Math.min(tries, TRIES));
    }
  }
};

/** What the embedded bus is given of each event: it twice, and one of the past between. */
const severalTimes = (random, on) => {
  const past = [];
  return (event) => {
    if (past.length === 0 || past.at(-1).position < event.position) past.push(event);
    if (!existsSync(on)) return [event];
    const earlier = past.filter(({ position }) => position <= event.position);
    return [event, ...(earlier.length > 0 ? [random.pick(earlier)] : []), event];
  };
};
