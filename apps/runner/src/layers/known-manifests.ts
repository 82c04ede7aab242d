import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { byPath, parseLayered, type LayeredEntry, type LayeredManifest } from '@foldline/contracts';
import type { Base } from './changed-entries.ts';
import type { Differences } from './workspace-differences.ts';

/** Of a large tree some 12 MB are held. */
const MOST = 2;

type Tree = Pick<LayeredManifest, 'layers'> & { entries: readonly LayeredEntry[]; gone?: readonly string[] };

/**
 * Manifests of trees as files that are named by their digest. To check one of 30,000 files takes longer than to find out
 * what has changed of them, so the ones that were read or written last are remembered.
 */
export class KnownManifests {
  /** By digest, in the order in which they were used last. */
  private readonly known = new Map<string, Differences>();

  read(path: string): Differences {
    const digest = basename(path);
    return this.remember(digest, this.known.get(digest) ?? differencesOf(parseLayered(readFileSync(path))));
  }

  /** The file may have any name until it is stored under its digest; it is remembered when nobody waits for it. */
  write(path: string, parts: readonly Buffer[], { layers, entries, gone }: Tree): void {
    writeFileSync(path, '', { mode: 0o600 });
    for (const part of parts) appendFileSync(path, part);
    setImmediate(() => {
      const digest = createHash('sha256');
      for (const part of parts) digest.update(part);
      this.remember(digest.digest('hex'), differencesOf({ layers, entries: byPath(entries), ...(gone && { gone }) }));
    });
  }

  private remember(digest: string, differences: Differences): Differences {
    this.known.delete(digest);
    this.known.set(digest, differences);
    for (const oldest of [...this.known.keys()].slice(0, -MOST)) this.known.delete(oldest);
    return differences;
  }
}

const differencesOf = ({ layers, entries, gone = [] }: Tree): Differences => ({
  layers,
  entries: byPathOf(entries),
  gone,
});

export const byPathOf = (entries: readonly LayeredEntry[]): Base['entries'] =>
  new Map(entries.map((entry) => [entry.path, entry]));
