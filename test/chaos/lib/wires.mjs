import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { INSTANCES, SERVERS, SERVER_PORTS, kafkaDoor, wirePort } from './places.mjs';

const SLOW_MS = [40, 160];

/**
 * What a wire may do to what goes through it. `hold` keeps bytes back and delivers them when it is over, as TCP does
 * across a network that comes back; `lose` drops them, and the connection with them when it is over.
 */
export const WIRE_FAULTS = {
  cut: { requests: 'hold', answers: 'hold' },
  'cut-requests': { requests: 'lose', answers: 'pass' },
  'cut-answers': { requests: 'pass', answers: 'lose' },
  reset: { refuse: true },
  slow: { requests: 'slow', answers: 'slow' },
};
const CLEAR = { requests: 'pass', answers: 'pass' };

/** One direction of a connection: in order, whatever happens to it. */
class Direction {
  lost = false;
  #held = [];
  #queue = Promise.resolve();

  constructor(from, to, modeOf, slowMs) {
    Object.assign(this, { to, modeOf, slowMs });
    from.on('data', (bytes) => this.#carry(bytes));
    from.on('end', () => void this.#queue.then(() => to.end()));
  }

  #carry(bytes) {
    const mode = this.modeOf();
    if (mode === 'lose') this.lost = true;
    else if (mode === 'hold' || this.#held.length > 0) this.#held.push(bytes);
    else if (mode === 'slow') this.#later(bytes, this.slowMs());
    else this.#later(bytes, 0);
  }

  #later(bytes, ms) {
    this.#queue = this.#queue.then(async () => {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      if (!this.to.destroyed) this.to.write(bytes);
    });
  }

  clear() {
    for (const bytes of this.#held.splice(0)) this.#later(bytes, 0);
  }
}

/** A way from one service to one server that can be cut in several ways. */
class Wire {
  #mode = CLEAR;
  #connections = new Set();
  #server;

  constructor(target, slowMs) {
    this.slowMs = slowMs;
    this.#server = createServer((near) => this.#join(near, target));
  }

  async listen(port) {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  fault(name) {
    this.#mode = WIRE_FAULTS[name];
    if (this.#mode.refuse) for (const connection of this.#connections) connection.drop();
  }

  clear() {
    this.#mode = CLEAR;
    for (const connection of this.#connections) connection.clear();
  }

  close() {
    this.#server.close();
    for (const connection of this.#connections) connection.drop();
  }

  #join(near, target) {
    if (this.#mode.refuse) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    near.setNoDelay();
    far.setNoDelay();
    const directions = [
      new Direction(near, far, () => this.#mode.requests, this.slowMs),
      new Direction(far, near, () => this.#mode.answers, this.slowMs),
    ];
    const drop = () => {
      near.destroy();
      far.destroy();
      this.#connections.delete(connection);
    };
    const clear = () => (directions.some(({ lost }) => lost) ? drop() : directions.forEach((each) => each.clear()));
    const connection = { drop, clear };
    this.#connections.add(connection);
    for (const socket of [near, far]) {
      socket.on('error', drop);
      socket.on('close', drop);
    }
  }
}

/** Every wire of a cluster. */
export class Wires {
  #wires = new Map();
  #random;

  /** Slow is as slow as these numbers say, from now on. */
  follow(random) {
    this.#random = random;
  }

  async open() {
    const slowMs = () => this.#random.between(...SLOW_MS);
    for (const { name } of INSTANCES) {
      for (const server of SERVERS) {
        const wire = new Wire(server === 'kafka' ? kafkaDoor(name) : SERVER_PORTS[server], slowMs);
        await wire.listen(wirePort(name, server));
        this.#wires.set(`${name} ${server}`, wire);
      }
    }
  }

  /** Puts a fault on the wires between these instances and these servers; answers with what takes it away. */
  fault(fault, instances, servers) {
    const struck = instances.flatMap((name) => servers.map((server) => this.#wires.get(`${name} ${server}`)));
    for (const wire of struck) wire.fault(fault);
    return () => struck.forEach((wire) => wire.clear());
  }

  close() {
    for (const wire of this.#wires.values()) wire.close();
  }
}
