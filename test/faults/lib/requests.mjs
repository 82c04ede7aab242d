import { createHmac } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const TRY_MS = 10_000;
const PAUSE_MS = 25;

/**
 * Requests that are written down with their key before the first try and repeated until the server has answered, across
 * as many restarts as that takes. What was answered is `acknowledged`.
 */
export class Requests {
  acknowledged = [];
  /** How many answers of each status there were, and what was wrong with those of 500. */
  statuses = new Map();
  internalErrors = [];

  constructor(link, journal, over) {
    this.link = link;
    this.journal = journal;
    this.over = over;
  }

  /** A request with an idempotency key. `wanted` says what it is about; it becomes part of the acknowledgement. */
  async ask(path, body, wanted, key) {
    const answer = await this.insist(path, JSON.stringify(body), wanted, key, {
      'idempotency-key': key,
      'content-type': 'application/json',
    });
    return answer;
  }

  /** A delivery of a forge: its id is what names it. */
  deliver(payload, wanted, key, secret) {
    const body = JSON.stringify(payload);
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    return this.insist('/v1/webhooks/github', body, wanted, key, {
      'content-type': 'application/json',
      'x-hub-signature-256': signature,
      'x-github-delivery': key,
      'x-github-event': 'push',
    });
  }

  async get(path) {
    return (await this.send(path, { method: 'GET' }))?.body;
  }

  async insist(path, body, wanted, key, headers) {
    appendFileSync(this.journal, `${JSON.stringify({ ...wanted, key })}\n`);
    for (;;) {
      const answer = await this.send(path, { method: 'POST', headers, body });
      if (answer && answer.status < 500) {
        if (answer.status < 300) this.acknowledged.push({ ...wanted, key, answer: answer.body });
        return answer;
      }
      if (this.over.aborted) throw new Error(`nobody answered ${path}`);
      await sleep(PAUSE_MS);
    }
  }

  /** One try; nothing when the server was gone before it had answered. */
  async send(path, { method, headers = {}, body }) {
    const { url, token } = await this.link.up();
    try {
      const response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(TRY_MS),
      });
      const answer = { status: response.status, body: await response.json() };
      this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 500) this.internalErrors.push(`${method} ${path}: ${JSON.stringify(answer.body)}`);
      return answer;
    } catch {
      return undefined;
    }
  }
}
