import { limits } from './limits.ts';
import { isNothing, type MapNode } from './node.ts';
import type { Report } from './report.ts';

/**
 * Merges maps into one another, key by key; of everything else the closer one counts, and a key with nothing behind it
 * leaves out what would be taken over. What it has done is counted, and bounded.
 */
export class Merger {
  #keys = 0;

  constructor(readonly report: Report) {}

  merge(base: MapNode, closer: MapNode): MapNode {
    this.#keys += base.entries.size + closer.entries.size;
    if (this.#keys > limits.mergedKeys) {
      const message = `What is extended or included has more than ${limits.mergedKeys} keys, repeated ones counted.`;
      this.report.error('too-many-keys', closer.at, message, 'Extend smaller templates.');
      return closer;
    }
    const entries = new Map(base.entries);
    for (const entry of closer.entries.values()) {
      const inherited = entries.get(entry.key);
      if (inherited && isNothing(entry.value)) entries.delete(entry.key);
      else if (inherited?.value.kind === 'map' && entry.value.kind === 'map')
        entries.set(entry.key, { ...entry, value: this.merge(inherited.value, entry.value) });
      else entries.set(entry.key, entry);
    }
    return { ...closer, entries };
  }
}

/** The map without one of its keys. */
export const without = (map: MapNode, key: string): MapNode => {
  const entries = new Map(map.entries);
  entries.delete(key);
  return { ...map, entries };
};
