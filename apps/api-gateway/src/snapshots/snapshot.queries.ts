import { Inject, Injectable } from '@nestjs/common';
import {
  attemptIdOf,
  COLLECTION,
  parseLayered,
  snapshotIndexPrefix,
  type JobDoc,
  type LayeredManifest,
  type SnapshotDoc,
} from '@foldline/contracts';
import { PermanentError, PORT, Refusal, type ObjectStore, type Page, type ReadStore } from '@foldline/kernel';
import { readPage, type PageQuery } from '../http/pages.ts';

const NUMBER = /^\d{1,6}$/;

/** What the steps of a job have made, as it was kept for later attempts. */
@Injectable()
export class SnapshotQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
  ) {}

  /** In the order of attempts and steps, pruned or not. */
  page(job: JobDoc, query: PageQuery): Promise<Page<SnapshotDoc>> {
    const list = { collection: COLLECTION.snapshots, index: 'byJob', prefix: snapshotIndexPrefix(job.id) };
    return readPage<SnapshotDoc>(this.reads, list, query);
  }

  /** Refuses where none was kept, or it was pruned. */
  async available(job: JobDoc, attempt: string, step: string): Promise<SnapshotDoc> {
    const isNumbered = NUMBER.test(attempt) && NUMBER.test(step);
    const id = `${attemptIdOf(job.id, Number(attempt))}/${Number(step)}`;
    const snapshot = isNumbered ? await this.reads.get<SnapshotDoc>(COLLECTION.snapshots, id) : undefined;
    if (!snapshot) throw new Refusal('not_found', 'nothing was kept behind this step of this attempt');
    if (snapshot.prunedAt !== undefined)
      throw new Refusal('snapshot_pruned', `what was kept was pruned at ${snapshot.prunedAt}`);
    return snapshot;
  }

  /** The caches, and upon them what the steps have made different, each over those before it. */
  async trees({ id, trees, manifestDigest, layers = [] }: SnapshotDoc): Promise<LayeredManifest[]> {
    const named = manifestDigest === undefined ? trees : [...trees, { manifestDigest, layers }];
    const found: LayeredManifest[] = [];
    for (const tree of named) found.push(await this.tree(id, tree));
    return found;
  }

  private async tree(id: string, tree: Pick<LayeredManifest, 'layers'> & { manifestDigest: string }) {
    const bytes = await this.objects.read(tree.manifestDigest);
    if (!bytes) throw new PermanentError(`a manifest of the snapshot ${id} is missing`);
    const manifest = orPermanent(() => parseLayered(bytes));
    if (JSON.stringify(manifest.layers) !== JSON.stringify(tree.layers))
      throw new PermanentError(`a manifest of the snapshot ${id} has other layers than were recorded`);
    return manifest;
  }
}

const orPermanent = <Value>(read: () => Value): Value => {
  try {
    return read();
  } catch (cause) {
    throw new PermanentError((cause as Error).message, { cause });
  }
};
