import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { createRandom } from './random.mjs';

const AT_ONCE = 6;
const PAUSE_MS = 30;
const NORMAL = 1000;

/** People who watch logs: follow attempts live, come back after each crash where they were, and keep what they saw. */
export class Viewers {
  /** `{ attemptId, offset, bytes, complete }`, one for each uninterrupted look. */
  seen = [];
  #known = new Set();
  #open = new Set();
  #over = new AbortController();

  constructor(link, seed) {
    this.link = link;
    this.random = createRandom(seed, 'viewers');
  }

  noticed({ id, attempt, status }) {
    const attemptId = `${id}.${attempt}`;
    if (status !== 'running' || this.#known.has(attemptId) || this.#open.size >= AT_ONCE) return;
    this.#known.add(attemptId);
    const view = this.#watch(id, attempt).finally(() => this.#open.delete(view));
    this.#open.add(view);
  }

  /** Lets those who watch see the end of their logs. */
  async finish(withinMs) {
    const late = setTimeout(() => this.#over.abort(), withinMs);
    await Promise.all(this.#open);
    clearTimeout(late);
  }

  async #watch(jobId, attempt) {
    const attemptId = `${jobId}.${attempt}`;
    for (let offset = 0; !this.#over.signal.aborted;) {
      const { url, token } = await this.link.up();
      const look = { attemptId, offset, bytes: Buffer.alloc(0), complete: false };
      await this.#look(look, new URL(`/ws/jobs/${jobId}/logs?attempt=${attempt}&offset=${offset}`, url), token);
      this.seen.push(look);
      if (look.complete) return;
      offset += look.bytes.length;
      await sleep(PAUSE_MS);
    }
  }

  #look(look, address, token) {
    address.protocol = 'ws:';
    return new Promise((resolve) => {
      const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
      const stop = () => socket.terminate();
      this.#over.signal.addEventListener('abort', stop, { once: true });
      socket.on('message', (data) => {
        look.bytes = Buffer.concat([look.bytes, data]);
      });
      socket.on('error', () => undefined);
      socket.on('close', (code) => {
        look.complete = code === NORMAL;
        this.#over.signal.removeEventListener('abort', stop);
        resolve();
      });
    });
  }
}
