import type { TreeLayer } from '@foldline/contracts';
import type { Selection } from '../trees/select-entries.ts';
import type { Overlaid } from './overlaid-workspace.ts';

/** `manifest`, `images` and `image` are paths of files of this host. */
export type UnpackTree = { kind: 'unpack'; manifest: string; images: string[]; into: string };
type MountedTree = { upper: string; above: string[]; below: string[] };
export type SaveTree = {
  kind: 'save';
  root: string;
  paths: string[];
  /**
   * What was restored there before. Where that was by an overlay, this keeps what was changed since in `upper`, and
   * `above` and `below` are the other directories that it is made of, by where they lie; `over` is the manifest of
   * differences that lie between them and `upper`.
   * `contentDigest` is that of its content, where it is known.
   */
  base?: { manifest: string; contentDigest?: string; mounted?: MountedTree; over?: string };
  /** Where the new layer is written. */
  image: string;
  /** Seconds since 1970. */
  madeAt: number;
};
/**
 * From now on it is known what becomes different in a workspace; `restored` is the manifest of what was different before,
 * `base` are the directories that an overlay lies upon, without that, the topmost first.
 */
export type WatchWorkspace = {
  kind: 'watch';
  root: string;
  overlay?: Pick<Overlaid, 'upper' | 'base'>;
  restored?: string;
};
/** Packs what is different since a workspace is watched. */
export type TakeDifferences = { kind: 'difference'; root: string; image: string; madeAt: number };
/** Writes the manifest of a tree whose new layer is stored. */
export type DescribeTree = {
  kind: 'describe';
  image: string;
  layer: Pick<TreeLayer, 'digest' | 'bytes'>;
  manifest: string;
};
/** Nobody asks about what was restored there any more. */
export type ForgetTrees = { kind: 'forget'; into: string };
export type LayerOperation = UnpackTree | SaveTree | WatchWorkspace | TakeDifferences | DescribeTree | ForgetTrees;

export type SavedTree = Pick<Selection, 'unmatched' | 'skipped'> & {
  files: number;
  bytes: number;
  /** Of a tree that is described, or is what its base was. */
  contentDigest?: string;
  layers: TreeLayer[];
  /** Whether there is a new layer, to be described once it is stored; without one the tree is what its base was. */
  isChanged: boolean;
};
