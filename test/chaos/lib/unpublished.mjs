import { OWNER } from '@foldline/contracts';

const OWNED = new Set(Object.keys(OWNER));

/** Whether an event is one that its service publishes. */
export const isPublished = ({ stream }) => OWNED.has(stream.slice(0, stream.indexOf('-')));

/** What was stored and has not been seen in the topic yet, whichever of both is looked at first. */
export class Unpublished {
  #waiting = new Map();
  #seen = new Set();

  stored(event) {
    if (isPublished(event) && !this.#seen.has(event.id)) this.#waiting.set(event.id, event);
  }

  seen(eventId) {
    this.#seen.add(eventId);
    this.#waiting.delete(eventId);
  }

  get events() {
    return [...this.#waiting.values()];
  }
}
