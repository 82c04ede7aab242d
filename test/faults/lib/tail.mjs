import { setTimeout as sleep } from 'node:timers/promises';

const PAGE = 1000;
const POLL_MS = 2;
const QUIET_MS = 500;

/**
 * Looks at the log of a running system from outside. It is open only while it is being looked at: a second process
 * that holds a database would spare a killed server the recovery that this is about.
 */
export class Tail {
  #after = 0;
  /** Pipelines that have not ended and attempts whose log is not sealed, as recorded up to now. */
  #open = new Set();
  #sealed = new Set();

  /** `open` answers with a log to read from; `onEvent` is told of each event that is read there. */
  constructor(open, onEvent = () => undefined) {
    this.openLog = open;
    this.onEvent = onEvent;
  }

  get position() {
    return this.#after;
  }

  /** Resolves soon after the next event of the type was recorded, or when the time is over. */
  next(type, withinMs) {
    return this.#look(withinMs, (events) => events.some((event) => event.type === type));
  }

  /** Resolves when nothing is under way any more and nothing was recorded for a while; false when that never came. */
  settled(withinMs) {
    let quietSince = performance.now();
    return this.#look(withinMs, (events) => {
      if (events.length > 0 || this.#open.size > 0) quietSince = performance.now();
      return performance.now() - quietSince > QUIET_MS;
    });
  }

  get open() {
    return [...this.#open];
  }

  async #look(withinMs, until) {
    const log = await this.openLog();
    try {
      await this.#read(log);
      for (const since = performance.now(); performance.now() - since < withinMs; await sleep(POLL_MS)) {
        if (until(await this.#read(log))) return true;
      }
      return false;
    } finally {
      await log.close();
    }
  }

  async #read(log) {
    const news = [];
    for (;;) {
      const page = await log.readAll({ after: this.#after, limit: PAGE });
      for (const event of page) {
        this.#note(event);
        this.onEvent(event);
      }
      news.push(...page);
      this.#after = page.at(-1)?.position ?? this.#after;
      if (page.length < PAGE) return news;
    }
  }

  #note({ type, stream }) {
    const id = stream.slice(stream.indexOf('-') + 1);
    if (type === 'PipelineRequested' || type === 'PipelineReopened') this.#open.add(`pipeline ${id}`);
    if (type === 'PipelineFinished' || type === 'PipelineRejected') this.#open.delete(`pipeline ${id}`);
    // A log may be sealed before it is begun: a start that came late, of an attempt that was given to others.
    if (type === 'AttemptStarted' && !this.#sealed.has(id)) this.#open.add(`log ${id}`);
    if (type === 'LogSealed') {
      this.#sealed.add(id);
      this.#open.delete(`log ${id}`);
    }
    if (type === 'NotificationRequested') this.#open.add(`notification ${id}`);
    if (type === 'NotificationDelivered' || type === 'NotificationAbandoned') this.#open.delete(`notification ${id}`);
  }
}
