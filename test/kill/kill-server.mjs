import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openEventLogForReading } from '@foldline/event-store-embedded';
import { checkHistory } from '../faults/check-history.mjs';
import { readHistory } from './lib/history.mjs';
import { Load } from '../faults/lib/load.mjs';
import { percentile } from '../faults/lib/percentile.mjs';
import { createRandom } from '../faults/lib/random.mjs';
import { makeRepository } from '../faults/lib/repository.mjs';
import { Receiver } from '../faults/lib/receiver.mjs';
import { Requests } from '../faults/lib/requests.mjs';
import { Link, keptSecret, launch } from './lib/server.mjs';
import { Tail } from '../faults/lib/tail.mjs';
import { Viewers } from '../faults/lib/viewers.mjs';

/**
 * Kills a whole standalone server again and again while people use it, and then checks what it has recorded, kept and
 * shown against what was promised. `--kills 200 --seed 1 --in-flight 3 [--keep]`
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    'in-flight': { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
  },
});
const KILLS = Number(values.kills);
const LATEST_KILL_MS = 1500;
const START_MS = 30_000;
const SETTLE_MS = 90_000;
const VIEWERS_MS = 10_000;
const STOP_MS = 20_000;
const say = (text) => process.stdout.write(`${text}\n`);

const directory = mkdtempSync(join(tmpdir(), 'foldline-kill-'));
const dataDirectory = join(directory, 'data');
const repository = makeRepository(directory);
const stderr = openSync(join(directory, 'server.log'), 'a');
const random = createRandom(values.seed, 'kills');
const link = new Link();
const tail = new Tail(() => openEventLogForReading({ directory: join(dataDirectory, 'events') }));
const over = new AbortController();
const requests = new Requests(link, join(directory, 'requests.jsonl'), over.signal);
const viewers = new Viewers(link, values.seed);
const receiver = new Receiver(createRandom(values.seed, 'receiver'));
const recoveries = [];
const unexpectedEnds = [];
let killedInStart = 0;

/** A server that is ready, and how long that took; one that does not get ready is a finding of its own. */
const start = async () => {
  const began = performance.now();
  const server = launch({ directory, dataDirectory, stderr });
  const late = setTimeout(() => server.kill(), START_MS);
  const url = await server.ready;
  clearTimeout(late);
  if (!url) {
    unexpectedEnds.push(`it did not become ready: ${JSON.stringify(await server.ended)}`);
    return undefined;
  }
  recoveries.push(performance.now() - began);
  link.opened({ url, token: keptSecret(dataDirectory, 'admin-token') });
  void server.ended.then(({ code, signal }) => {
    if (!server.expected) unexpectedEnds.push(`code ${code}, signal ${signal}`);
  });
  return server;
};

const kill = async (server) => {
  server.expected = true;
  link.closed();
  server.kill();
  await server.ended;
};

const killInStart = async () => {
  killedInStart += 1;
  const server = launch({ directory, dataDirectory, stderr });
  const usual = percentile(recoveries, 0.5) || 500;
  await sleep(random.between(0, Math.round(usual)));
  await kill(server);
};

/** Half of the kills come at any time, half just when something was recorded: what follows it is then under way. */
const MOMENTS = [
  'PipelineRequested',
  'PipelinePlanned',
  'PipelineCancelRequested',
  'JobRetryRequested',
  'JobPlayRequested',
  'JobAssigned',
  'AttemptStarted',
  'ArtifactUploaded',
  'AttemptFinished',
  'JobFinishing',
  'ArtifactCommitted',
  'JobFailed',
  'LogSealed',
  'NotificationRequested',
  'DeploymentStarted',
  'PipelineFinished',
];
const killMoment = async () => {
  if (random.chance(0.5)) return sleep(random.between(0, LATEST_KILL_MS));
  await tail.next(random.pick(MOMENTS), LATEST_KILL_MS);
  await sleep(random.between(0, 12));
};

const stop = async (server) => {
  server.expected = true;
  server.stop();
  const late = setTimeout(() => server.kill(), STOP_MS);
  const { code, signal } = await server.ended;
  clearTimeout(late);
  if (code !== 0) unexpectedEnds.push(`asked to stop it ended with code ${code}, signal ${signal}`);
};

const run = async () => {
  say(`seed ${values.seed}: ${KILLS} kills in ${directory}`);
  for (let n = 0; n < Math.min(3, KILLS); n += 1) await killInStart();
  let server = await start();
  if (!server) return undefined;
  await receiver.listen();
  const webhookSecret = keptSecret(dataDirectory, 'webhook-secret');
  const load = new Load({
    seed: values.seed,
    requests,
    viewers,
    repository,
    webhookSecret,
    subscriber: receiver.url,
  });
  await load.start(Number(values['in-flight']));
  for (let n = 3; n < KILLS; n += 1) {
    await killMoment();
    await kill(server);
    for (; n + 1 < KILLS && random.chance(0.12); n += 1) await killInStart();
    server = await start();
    if (!server) return undefined;
    if ((n + 1) % 25 === 0) say(`${n + 1} kills`);
  }
  await load.stop();
  if (!(await tail.settled(SETTLE_MS))) say(`not ended in time: ${tail.open.join(', ')}`);
  over.abort();
  await viewers.finish(VIEWERS_MS);
  const parked = (await requests.get('/api/v1/parked'))?.items ?? [];
  await stop(server);
  receiver.close();
  return parked;
};

const report = (history, violations) => {
  const count = (type) => history.events.filter((event) => event.type === type).length;
  const lost = history.events.filter(({ type, data }) => type === 'AttemptFinished' && data.outcome === 'lost').length;
  const asked = new Map();
  for (const { kind } of requests.acknowledged) asked.set(kind, (asked.get(kind) ?? 0) + 1);
  say(`kills: ${KILLS}, of them ${killedInStart} while it started; seed ${values.seed}`);
  say(
    `events: ${history.events.length}; pipelines: ${count('PipelineRequested')}; attempts: ${count('AttemptStarted')}, of them ${lost} lost to a kill`,
  );
  say(`acknowledged: ${[...asked].map(([kind, n]) => `${n} ${kind}`).join(', ')}`);
  say(`notifications: ${count('NotificationDelivered')} delivered, ${receiver.received.length} received`);
  say(`answers by status: ${[...requests.statuses].map(([status, n]) => `${status}: ${n}`).join(', ')}`);
  say(
    `looks at logs: ${viewers.seen.length}, ${viewers.seen.reduce((sum, { bytes }) => sum + bytes.length, 0)} bytes seen`,
  );
  say(
    `ready again after (ms): p50 ${Math.round(percentile(recoveries, 0.5))}, p99 ${Math.round(percentile(recoveries, 0.99))}, most ${Math.round(Math.max(...recoveries))}`,
  );
  say(`violations: ${violations.length}`);
  for (const { rule, message } of violations.slice(0, 60)) say(`  ${rule}: ${message}`);
};

/** The one job whose first attempt is made to fail. */
const plannedFailures = ({ jobId, attempt, reason }) =>
  reason === 'script_failure' && attempt === 1 && jobId.endsWith('.2');

const parked = await run();
closeSync(stderr);
const found = await readHistory({ directory, dataDirectory, side: repository.side });
const history = {
  ...found,
  requests: requests.acknowledged,
  seen: viewers.seen,
  received: receiver.received,
  parked: parked ?? [],
  plannedFailures,
  server: { internalErrors: requests.internalErrors, unexpectedEnds },
};
const violations = checkHistory(history);
report(history, violations);
if (violations.length > 0 || values.keep) {
  say(`kept: ${directory}`);
  say(readFileSync(join(directory, 'server.log'), 'utf8').split('\n').slice(-40).join('\n'));
} else rmSync(directory, { recursive: true, force: true });
process.exit(violations.length > 0 ? 1 : 0);
