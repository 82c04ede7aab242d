import { readdirSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TREE_LIMITS, linkProblem, normalizeGlob, pathProblem, type TreeForm } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { compileGlob, type Glob } from './glob.ts';
import { statsAt } from './stats-at.ts';
import { withoutCollisions } from './without-collisions.ts';

/**
 * What lies in a tree. `mtime`: seconds since 1970. `stamp` differs when the file was changed in whatever way; one that is
 * known to be as it was has none.
 */
export type Found =
  | { kind: 'file'; path: string; mode: number; mtime: number; size: number; stamp?: string }
  | { kind: 'dir'; path: string; mode: number; mtime: number }
  | { kind: 'link'; path: string; target: string; mtime: number };
export type Selection = { entries: Found[]; unmatched: string[]; skipped: string[] };
type SelectOptions = {
  known?: KnownTree;
  /** What another host could not have is left out of portable ones. */
  form?: TreeForm;
  /** Told of each entry of an exact tree that was looked at, when it is found. */
  onFound?: OnFound;
};
type OnFound = (entry: Found, stats: Stats) => void;
/** What is known of a tree without a look at it. */
export type KnownTree = {
  /** What lies at a path, where that and everything below it is what it was. */
  at(path: string): Found | undefined;
  /** What lies directly in such a directory. */
  inside(directory: string): readonly Found[];
  /** What lies directly in any other, where that is known. */
  listed(directory: string): readonly Listed[] | undefined;
};
export type Listed = { name: string; isDirectory(): boolean };

const NOTHING_KNOWN: KnownTree = { at: () => undefined, inside: () => [], listed: () => undefined };
const PERMISSIONS = 0o777;
const MAX_NOTES = 50;
/** What node puts in the place of bytes that are no text. */
const NOT_UTF8 = '\uFFFD';
/** Where git keeps the history and the credentials of a checkout. */
const GIT = '.git';
const NAMES_GIT = /(?:^|[{,])\.git(?:$|[/,}])/;
type Pattern = Glob & { text: string; used: boolean; namesGit: boolean };

/**
 * Finds what the patterns name below a directory (see `compileGlob`); `dist/` is the directory and everything in it.
 * Symbolic links are never followed, so nothing outside can be found. The directory's own `.git` is found only by a
 * pattern that names it, such as `.git/config`: no wildcard gives the history away.
 */
export const selectEntries = (
  root: string,
  paths: readonly string[],
  exclude: readonly string[] = [],
  { known = NOTHING_KNOWN, form = 'portable', onFound = () => undefined }: SelectOptions = {},
): Selection => {
  const selection: Selection = { entries: [], unmatched: [], skipped: [] };
  const excluded = exclude.map((text) => compileGlob(normalizeGlob(text)).matches);
  const patterns: Pattern[] = [];
  for (const text of paths) {
    const relative = normalizeGlob(text);
    if (pathProblem(relative)) note(selection, `${text} is not a path inside the workspace`);
    else patterns.push({ text, ...compileGlob(relative), used: false, namesGit: NAMES_GIT.test(relative) });
  }
  const seen = new Set<string>();
  for (const pattern of patterns) {
    const visit: Visit = (path, seenBefore, isInside) => {
      const isMeant = (isInside || pattern.matches(path)) && !excluded.some((matches) => matches(path));
      pattern.used ||= isMeant;
      if (isMeant && !seen.has(path)) add(selection, seen, { root, path, form, onFound }, seenBefore);
      return isInside || isMeant;
    };
    const notes = (text: string): void => note(selection, text);
    walk(pattern.base, { root, visit, known, git: pattern.namesGit, note: notes });
  }
  if (form === 'portable') selection.entries = withoutCollisions(selection.entries, (text) => note(selection, text));
  selection.unmatched = patterns.filter(({ used }) => !used).map(({ text }) => text);
  return selection;
};

/**
 * Finds everything that lies at a path of an exact tree, and below it where it is a directory; `''` stands for the tree.
 * Its `.git` is found like everything else.
 */
export const entriesAt = (root: string, start: string, onFound: OnFound): void => {
  const selection: Selection = { entries: [], unmatched: [], skipped: [] };
  const seen = new Set<string>();
  const visit: Visit = (path, entry) => {
    add(selection, seen, { root, path, form: 'exact', onFound }, entry);
    return true;
  };
  walk(start, { root, visit, known: NOTHING_KNOWN, git: true, note: () => undefined });
};

/** `isInside`: of a directory that a pattern stands for, and so for everything in it. Answers whether it is one. */
type Visit = (path: string, entry: Stats | Found, isInside: boolean) => boolean;
type Walk = {
  root: string;
  visit: Visit;
  known: KnownTree;
  git: boolean;
  note: (text: string) => void;
};

const walk = (start: string, walking: Walk): void => {
  const { root, visit } = walking;
  if (start !== '' && leadsThroughLink(root, start)) return;
  const stats = start === '' ? statSync(root) : statsAt(join(root, start));
  if (!stats) return;
  const isInside = start !== '' && visit(start, stats, false);
  if (stats.isDirectory()) walkDirectory(start, isInside, walking);
};

const leadsThroughLink = (root: string, path: string): boolean => {
  const segments = path.split('/');
  return segments
    .slice(0, -1)
    .some((_, index) => statsAt(join(root, ...segments.slice(0, index + 1)))?.isSymbolicLink());
};

const walkDirectory = (directory: string, isInside: boolean, walking: Walk): void => {
  if (walking.known.at(directory)?.kind === 'dir') walkKnown(directory, isInside, walking);
  else walkListed(directory, isInside, walking);
};

const walkKnown = (directory: string, isInside: boolean, walking: Walk): void => {
  for (const entry of walking.known.inside(directory)) {
    const below = walking.visit(entry.path, entry, isInside);
    if (entry.kind === 'dir') walkKnown(entry.path, below, walking);
  }
};

const walkListed = (directory: string, isInside: boolean, walking: Walk): void => {
  const { root, known, note, git, visit } = walking;
  const all = known.listed(directory) ?? readdirSync(`${root}/${directory}`, { withFileTypes: true });
  for (const listed of all) {
    const path = directory === '' ? listed.name : `${directory}/${listed.name}`;
    if (path === GIT && !git) continue;
    const isDirectory = listed.isDirectory();
    const before = known.at(path);
    const isAsBefore = before !== undefined && (before.kind === 'dir') === isDirectory;
    const entry = isAsBefore ? before : statsAt(`${root}/${path}`);
    if (!entry && listed.name.includes(NOT_UTF8)) note(`${path} was left out: its name is not UTF-8`);
    const below = entry !== undefined && visit(path, entry, isInside);
    if (!isDirectory || !entry) continue;
    // What lies deeper could not be kept, and a walk without an end would exhaust the stack.
    if (path.split('/').length > TREE_LIMITS.depth) note(`${path} was not looked into: it lies too deep`);
    else if (isAsBefore) walkKnown(path, below, walking);
    else walkListed(path, below, walking);
  }
};

type Place = Required<Pick<SelectOptions, 'form' | 'onFound'>> & { root: string; path: string };

const add = (selection: Selection, seen: Set<string>, place: Place, entry: Stats | Found): void => {
  const { root, path, form, onFound } = place;
  seen.add(path);
  requireFewEntries(seen.size);
  if ('kind' in entry) return void selection.entries.push(entry);
  if (pathProblem(path)) return note(selection, `a file was left out: its path ${pathProblem(path)}`);
  const found = foundOf(path, entry, root);
  if (!found) return note(selection, `${path} was left out: it is neither a file nor a directory nor a link`);
  if (found.kind === 'link' && form === 'portable' && linkProblem(path, found.target))
    return note(selection, `${path} was left out: the link leads out of the workspace`);
  selection.entries.push(found);
  onFound(found, entry);
};

/** `undefined` of what is neither a file nor a directory nor a link. */
export const foundOf = (path: string, stats: Stats, root: string): Found | undefined => {
  const mode = stats.mode & PERMISSIONS;
  const mtime = Math.max(0, Math.floor(stats.mtimeMs / 1000));
  if (stats.isFile()) return { kind: 'file', path, mode, mtime, size: stats.size, stamp: stampOf(stats) };
  if (stats.isDirectory()) return { kind: 'dir', path, mode, mtime };
  return stats.isSymbolicLink() ? { kind: 'link', path, target: readlinkSync(join(root, path)), mtime } : undefined;
};

/** Changes with every change of content or attributes, and no program can set it back. */
export const stampOf = ({ ino, ctimeMs }: Pick<Stats, 'ino' | 'ctimeMs'>): string => `${ino} ${ctimeMs}`;

const note = (selection: Selection, text: string): void => {
  if (selection.skipped.length < MAX_NOTES) selection.skipped.push(text);
};

/** Throws when a tree has more entries than can be kept. */
export const requireFewEntries = (count: number): void => {
  if (count > TREE_LIMITS.entries)
    throw new Refusal('tree_too_large', `there are more than ${TREE_LIMITS.entries} files to keep`);
};
