import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLeftovers } from '../../faults/lib/leftovers.mjs';
import { Load } from '../../faults/lib/load.mjs';
import { createRandom } from '../../faults/lib/random.mjs';
import { makeRepository } from '../../faults/lib/repository.mjs';
import { Receiver } from '../../faults/lib/receiver.mjs';
import { Requests } from '../../faults/lib/requests.mjs';
import { Tail } from '../../faults/lib/tail.mjs';
import { Viewers } from '../../faults/lib/viewers.mjs';
import { Disorder } from './disorder.mjs';
import { mountForProcesses } from './disks.mjs';
import { FAULTS } from './faults.mjs';
import { GATEWAY_PORT, INSTANCES } from './places.mjs';
import { Reader } from './read-history.mjs';
import { servers } from './servers.mjs';
import { Services } from './services.mjs';
import { Unpublished } from './unpublished.mjs';
import { Wires } from './wires.mjs';

const LEASE_SECONDS = 6;
const VIEWERS_MS = 10_000;
const LOOK_MS = 250;
const WARM_MS = 60_000;
const REPEATED = 0.15;
const OFTEN = 0.9;

/** Seven services in nine processes on four servers, with people who use them and somebody who strikes them. */
export class Cluster {
  pauses = [];
  /** Strikes that were planned and did not come about. */
  unmade = [];
  /** Runners whose jobs may fail because of a fault, each with the stretch of the log in which they may. */
  #doomed = [];
  #unpublished = new Unpublished();

  constructor({ seed, say, settleMs, disks, inside = {}, inFlight = 2 }) {
    Object.assign(this, { seed, say, settleMs, serverDisks: disks, inFlight });
    this.namespace = `chaos-${randomBytes(5).toString('hex')}`;
    this.directory = mkdtempSync(join(tmpdir(), 'foldline-chaos-'));
    this.secrets = {
      key: randomBytes(32).toString('base64url'),
      adminToken: randomBytes(16).toString('hex'),
      webhookSecret: randomBytes(16).toString('hex'),
    };
    const { directory, namespace, secrets } = this;
    this.services = new Services({ directory, namespace, secrets, inside, leaseSeconds: LEASE_SECONDS });
    this.repository = makeRepository(directory);
    this.wires = new Wires();
    this.over = new AbortController();
    const connection = { url: `http://127.0.0.1:${GATEWAY_PORT}`, token: secrets.adminToken };
    this.link = { up: async () => connection };
    this.requests = new Requests(this.link, join(directory, 'requests.jsonl'), this.over.signal);
    this.viewers = new Viewers(this.link, seed);
    this.receiver = new Receiver(createRandom(seed, 'receiver'));
    const random = createRandom(seed, 'disorder');
    const onMessage = (eventId) => this.#unpublished.seen(eventId);
    this.disorder = new Disorder({ namespace, random, probability: REPEATED, onMessage });
  }

  async start() {
    await servers.empty();
    await this.wires.open();
    this.processDisks = mountForProcesses(this.directory, this.say);
    await this.receiver.listen();
    await this.services.startAll();
    this.reader = await Reader.open(this);
    const log = { readAll: (query) => this.reader.store.readAll(query), close: async () => undefined };
    this.tail = new Tail(
      async () => log,
      (event) => this.#unpublished.stored(event),
    );
    await this.disorder.start();
    await this.#runnersRegistered();
  }

  /** Uses the cluster, strikes it, and waits until everything has come to rest. */
  async run({ seed, victim, fault, strikes = 1, loadMs, point }) {
    const random = createRandom(seed, 'faults');
    this.wires.follow(createRandom(seed, 'slow'));
    // A deployer that is to die at a point has to come past it: people deploy more.
    const again = fault === 'failpoint' && victim === 'deployer' ? OFTEN : undefined;
    const load = new Load({
      again,
      seed,
      requests: this.requests,
      viewers: this.viewers,
      repository: this.repository,
      webhookSecret: this.secrets.webhookSecret,
      subscriber: this.receiver.url,
    });
    const began = load.start(this.inFlight);
    this.disorder.strike(true);
    await sleep(random.between(1_000, 3_000));
    const { runner } = INSTANCES.find(({ name }) => name === victim) ?? {};
    const doomed = { runner, from: this.tail.position };
    if (fault === 'disk-full' && runner) this.#doomed.push(doomed);
    for (let n = 0; n < (fault === undefined ? 0 : strikes); n += 1) {
      await FAULTS[victim][fault]({ ...this.#tools(victim), random, point });
      if (n + 1 < strikes) await sleep(random.between(500, 3_000));
    }
    if (fault === undefined) await sleep(loadMs);
    const since = performance.now();
    await began;
    await load.stop();
    this.disorder.strike(false);
    const open = await this.#rest(since + this.settleMs);
    doomed.to = this.tail.position;
    this.convergence = { ms: Math.round(performance.now() - since), open, withinMs: this.settleMs };
    return this.convergence;
  }

  /** What has happened up to now, as the checks want it. `undisturbed` when nothing was ever struck. */
  async history(undisturbed = false) {
    const found = await this.reader.history(this.repository.side);
    const assigned = new Map(
      found.events
        .filter(({ type }) => type === 'JobAssigned')
        .map(({ data }) => [`${data.jobId}.${data.attempt}`, data]),
    );
    const lags = await this.disorder.lags();
    return {
      ...found,
      undisturbed,
      unmade: this.unmade,
      requests: this.requests.acknowledged,
      seen: this.viewers.seen,
      received: this.receiver.received,
      parked: (await this.requests.get('/api/v1/parked'))?.items ?? [],
      checkpoints: Object.fromEntries(Object.entries(lags).map(([group, lag]) => [group, found.lastPosition - lag])),
      topic: this.disorder.messages,
      pauses: this.pauses,
      graceMs: LEASE_SECONDS * 1000,
      convergence: this.convergence,
      leftovers: { processes: [], directories: [] },
      server: { internalErrors: this.requests.internalErrors, unexpectedEnds: this.services.unexpectedEnds },
      plannedFailures: ({ jobId, attempt, reason }, position) =>
        (reason === 'script_failure' && attempt === 1 && jobId.endsWith('.2')) ||
        this.#doomed.some(
          ({ runner, from, to }) =>
            runner === assigned.get(`${jobId}.${attempt}`)?.runnerId && from < position && position <= to,
        ),
    };
  }

  /** Ends everything; what is left then is a finding. */
  async stop() {
    this.over.abort();
    await this.viewers.finish(VIEWERS_MS);
    await this.disorder.close();
    const before = this.services.unexpectedEnds.length;
    await this.services.stopAll();
    await this.reader?.close();
    this.receiver.close();
    this.wires.close();
    const left = INSTANCES.filter(({ service }) => service === 'runner').flatMap(
      ({ name }) => findLeftovers(this.directory, join(this.directory, 'data', name)).directories,
    );
    const { processes } = findLeftovers(this.directory, this.directory);
    return {
      leftovers: { processes, directories: left },
      server: { internalErrors: [], unexpectedEnds: this.services.unexpectedEnds.slice(before) },
    };
  }

  /** At once, whatever is under way. */
  abandon() {
    this.services.abandon();
    this.wires.close();
    this.keep();
  }

  /** Leaves the directory to whoever wants to look into it. */
  keep() {
    for (const disk of this.processDisks?.values() ?? []) disk.keep();
  }

  /** The log as it was read, for whoever wants to know what happened: the server's own is gone with the next cluster. */
  keepEvents(events) {
    writeFileSync(join(this.directory, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }

  remove() {
    for (const disk of this.processDisks?.values() ?? []) disk.unmount();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #tools(victim) {
    const { services, wires, pauses, unmade, say } = this;
    const disks = new Map([...(this.serverDisks ?? []), ...(this.processDisks ?? [])]);
    return { services, servers, wires, pauses, unmade, disks, say, victim, leaseMs: LEASE_SECONDS * 1000 };
  }

  async #runnersRegistered() {
    const runners = INSTANCES.filter(({ runner }) => runner !== undefined).length;
    for (const since = performance.now(); performance.now() - since < WARM_MS; await sleep(LOOK_MS)) {
      const registered = await this.reader.raw.readAll({ after: 0, limit: 100, categories: ['runner'] });
      if (registered.filter(({ type }) => type === 'RunnerRegistered').length >= runners) return;
    }
    throw new Error('the runners did not register');
  }

  /** Waits for the end of everything; answers with what has not come to it. */
  async #rest(until) {
    let open = [];
    while (performance.now() < until) {
      open = await this.#unsettled(until).catch((error) => [`a server does not answer: ${error.message}`]);
      if (open.length === 0) return [];
      await sleep(LOOK_MS);
    }
    return open;
  }

  async #unsettled(until) {
    await this.tail.settled(Math.max(0, until - performance.now()));
    if (this.tail.open.length > 0) return this.tail.open;
    const unpublished = this.#unpublished.events.map(({ type, stream }) => `${type} (${stream}) is not published yet`);
    if (unpublished.length > 0) return unpublished;
    const lags = Object.entries(await this.disorder.lags()).filter(([, lag]) => lag > 0);
    const behind = this.tail.position - (await this.reader.readModelPosition());
    return [
      ...lags.map(([group, lag]) => `${group} has ${lag} events before it`),
      ...(behind > 0 ? [`the read models are ${behind} behind`] : []),
    ];
  }
}
