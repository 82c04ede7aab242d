import { hash } from 'node:crypto';
import { contentOfLayered, layeredBytes, type LayeredEntry, type TreeLayer } from '@foldline/contracts';
import type { SavedTree } from './tree-operations.ts';

export type Contents = { entries: readonly LayeredEntry[]; gone?: readonly string[] };
type Description = { contents: Contents; contentDigest: string; manifestWith: (layers: TreeLayer[]) => Buffer[] };

/** What a tree holds, by which it is known; of differences also what is gone. */
export const contentDigestOf = ({ entries, gone }: Contents): string =>
  hash('sha256', Buffer.concat([contentOfLayered(entries), Buffer.from(gone ? JSON.stringify(gone) : '')]));

/** A tree whose new layer is being stored. Everything that can be told without that layer's digest is made out meanwhile. */
export class UndescribedTree {
  private description: Description | undefined;

  constructor(
    /** The directory that it lies in. */
    readonly root: string,
    readonly saved: SavedTree,
    private readonly look: () => Contents,
    /** Bytes of the files in the new layer. */
    readonly bytesInLayer: number,
    readonly onStored: (layers: TreeLayer[], contents: Contents) => void = () => undefined,
  ) {
    setImmediate(() => {
      try {
        this.describe();
      } catch {
        // Whoever asks for it is told.
      }
    });
  }

  describe(): Description {
    this.description ??= descriptionOf(this.look(), this.saved.contentDigest);
    return this.description;
  }
}

const descriptionOf = (contents: Contents, contentDigest = contentDigestOf(contents)): Description => ({
  contents,
  contentDigest,
  manifestWith: layeredBytes(contents.entries, contents.gone),
});
