import type { Found } from '../trees/select-entries.ts';
import { changesSince, isWornOut, type Base, type Changes } from './changed-entries.ts';

/** What a workspace has besides what its surroundings give it; `gone` is what they give and it has no more. */
export type Differences = Base & { gone: readonly string[] };
type Stamps = ReadonlyMap<string, string>;
export type Difference = { changes: Changes; base: Base | undefined; gone: string[]; stamps: Stamps };

/** All of a workspace; no wildcard names the history of its repository. */
export const EVERYTHING = ['**', '.git'];

/** Everything that differs now, with the directories above it. */
export type Seen = { found: Found[]; gone: string[] };
/** Finds out what is different in a workspace. */
export type Look = {
  /** How what was different from the beginning is stamped as long as nobody changes it. */
  readonly stamps: Stamps;
  /** `last` is what was different the last time. */
  now(last: Differences | undefined): Seen | Promise<Seen>;
};

/** What becomes different in a workspace from step to step. */
export class WorkspaceDifferences {
  private last: (Differences & { stamps: Stamps }) | undefined;

  /** `before`: what an earlier attempt had made different, which lies in the workspace. */
  constructor(
    private readonly look: Look,
    before: Differences | undefined,
  ) {
    this.last = before && { ...before, stamps: look.stamps };
  }

  /** What is different now; nothing when it is just what it was the last time. */
  async now(): Promise<Difference | undefined> {
    const { found, gone } = await this.look.now(this.last);
    const last = this.last && !isWornOut(this.last) ? this.last : undefined;
    const told = new Set(last?.gone);
    const isUnchanged = (entry: Found): boolean => last?.stamps.get(entry.path) === stampOf(entry);
    const alsoGone = gone.filter((path) => !told.has(path));
    const changes = changesSince(last, found, isUnchanged, alsoGone);
    if (changes.layer.length === 0 && (last?.gone.length ?? 0) === gone.length) return undefined;
    return { changes, base: last, gone, stamps: new Map(found.map((entry) => [entry.path, stampOf(entry)])) };
  }

  /** It is stored: the next is what becomes different from now on. */
  stored(differences: Differences & { stamps: Stamps }): void {
    this.last = differences;
  }
}

export const stampOf = (entry: Found): string =>
  entry.kind === 'file'
    ? (entry.stamp ?? '')
    : entry.kind === 'dir'
      ? `directory ${entry.mode}`
      : `link ${entry.target}`;
