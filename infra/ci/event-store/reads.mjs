import { randomUUID } from 'node:crypto';
import { RE2JS } from 're2js';
import { caughtUp, checkpoint, confirmation, eventRead, nameOf, streamNotFound } from './messages.mjs';
import { internal } from './refusals.mjs';

const BACKWARDS = 1;
const DEFAULT_WINDOW = 32;

/** Writes and waits until there is room; what a cancelled call is given goes nowhere. */
const writerOf = (call, signal) => async (message) => {
  if (signal.aborted || call.write(message)) return;
  await new Promise((resolve) => {
    const go = () => {
      call.off('drain', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    call.once('drain', go);
    signal.addEventListener('abort', go, { once: true });
    if (signal.aborted) go();
  });
};

const filterOf = (options) => {
  if (!options.hasFilter()) return { passes: () => true, interval: Infinity };
  const filter = options.getFilter();
  const onType = filter.hasEventType();
  const expression = onType ? filter.getEventType() : filter.getStreamIdentifier();
  const prefixes = expression.getPrefixList();
  const regex = prefixes.length === 0 ? RE2JS.compile(expression.getRegex()) : undefined;
  const matches = (text) => (regex ? regex.matcher(text).find() : prefixes.some((prefix) => text.startsWith(prefix)));
  const window = filter.hasMax() ? filter.getMax() : DEFAULT_WINDOW;
  return {
    passes: (event) => matches(onType ? event.type : event.stream),
    interval: Math.max(1, window * filter.getCheckpointintervalmultiplier()),
  };
};

const startOf = (all) => {
  if (all.hasStart()) return 0n;
  return all.hasEnd() ? 'end' : BigInt(all.getPosition().getCommitPosition());
};

const eventsOf = async (log, options, count) => {
  const backwards = options.getReadDirection() === BACKWARDS;
  if (options.hasAll()) {
    const from = startOf(options.getAll());
    return backwards ? log.allBackwards(from) : log.allForwards(from);
  }
  const from = options.getStream();
  const stream = nameOf(from.getStreamIdentifier());
  if (!(await log.has(stream))) return undefined;
  const revision = from.hasStart() ? 0 : from.hasEnd() ? Number.MAX_SAFE_INTEGER : Number(from.getRevision());
  return backwards ? log.streamBackwards(stream, revision) : log.streamForwards(stream, revision, count);
};

const readOnce = async (log, options, write, signal) => {
  let left = BigInt(options.getCount());
  const events = await eventsOf(log, options, left);
  if (!events) return write(streamNotFound(nameOf(options.getStream().getStreamIdentifier())));
  const { passes } = filterOf(options);
  if (left <= 0n) return;
  for await (const event of events) {
    if (signal.aborted) return;
    if (!passes(event)) continue;
    await write(eventRead(event));
    left -= 1n;
    if (left === 0n) return;
  }
};

const subscribe = async (log, options, write, signal) => {
  await write(confirmation(randomUUID()));
  const { passes, interval } = filterOf(options);
  let seen = 0;
  const listener = async (event) => {
    if (passes(event)) await write(eventRead(event));
    seen += 1;
    if (seen % interval === 0) await write(checkpoint(event.position));
  };
  const start = options.hasAll() ? startOf(options.getAll()) : 0n;
  await log.follow(start, listener, () => write(caughtUp()), signal);
};

/** A subscription to one stream is one to everything that lets only its events pass. */
const subscribeToStream = async (log, options, write, signal) => {
  const from = options.getStream();
  const stream = nameOf(from.getStreamIdentifier());
  let after = from.hasStart() ? -1 : Number(from.getRevision());
  if (from.hasEnd()) after = await log.lastRevision(stream);
  await write(confirmation(randomUUID()));
  const listener = async (event) => {
    if (event.stream === stream && event.revision > after) await write(eventRead(event));
  };
  await log.follow(0n, listener, () => write(caughtUp()), signal);
};

export const reads = (log) => async (call) => {
  const ended = new AbortController();
  call.on('cancelled', () => ended.abort());
  call.on('close', () => ended.abort());
  const options = call.request.getOptions();
  const write = writerOf(call, ended.signal);
  try {
    const serve = !options.hasSubscription() ? readOnce : options.hasAll() ? subscribe : subscribeToStream;
    await serve(log, options, write, ended.signal);
    call.end();
  } catch (error) {
    call.emit('error', internal(error));
  }
};
