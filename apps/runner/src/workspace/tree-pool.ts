import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PooledTree } from './pooled-tree.ts';
import { removeTree } from './remove-tree.ts';

/** What the workspace worker can be asked for. */
export type TreeOperation =
  | { kind: 'take'; key: string; base: string; target: string; journal: { path: string; text: string } }
  | { kind: 'giveBack'; target: string }
  | { kind: 'remove'; path: string };

/** Of workspaces that wait: how many, and how many entries together, since each entry is remembered. */
const IDLE = { trees: 24, entries: 200_000 };

/** Workspaces that wait for the next job of the same project, commit and protection. Restoring one costs what was changed in it. */
export class TreePool {
  private readonly idle: { key: string; tree: PooledTree }[] = [];
  private readonly taken = new Map<string, { key: string; tree: PooledTree }>();
  private parked = 0;

  /** The directory is emptied: what lies in it is not known any more. */
  constructor(
    private readonly directory: string,
    private readonly limits = IDLE,
  ) {
    removeTree(directory);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  perform(operation: TreeOperation): void {
    if (operation.kind === 'take') this.take(operation);
    else if (operation.kind === 'giveBack') this.giveBack(operation.target);
    else removeTree(operation.path);
  }

  private take({ key, base, target, journal }: Extract<TreeOperation, { kind: 'take' }>): void {
    removeTree(target);
    const at = this.idle.findLastIndex((waiting) => waiting.key === key);
    const [found] = at < 0 ? [] : this.idle.splice(at, 1);
    const tree = found?.tree ?? PooledTree.copyOf(base, target);
    if (found) this.move(tree, target);
    this.taken.set(target, { key, tree });
    writeFileSync(journal.path, journal.text);
    tree.hand();
  }

  private giveBack(target: string): void {
    const found = this.taken.get(target);
    this.taken.delete(target);
    if (!found) return removeTree(target);
    try {
      found.tree.restore();
    } catch {
      // A job can leave what cannot be restored (an immutable file, a mount); such a workspace is not used again.
      return removeTree(target);
    }
    this.move(found.tree, join(this.directory, String((this.parked += 1))));
    this.idle.push(found);
    while (this.isFull()) removeTree(this.idle.shift()!.tree.path);
  }

  private isFull(): boolean {
    const entries = this.idle.reduce((sum, { tree }) => sum + tree.size, 0);
    return this.idle.length > this.limits.trees || (entries > this.limits.entries && this.idle.length > 0);
  }

  private move(tree: PooledTree, to: string): void {
    renameSync(tree.path, to);
    tree.path = to;
  }
}
