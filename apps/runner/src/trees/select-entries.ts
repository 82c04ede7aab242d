import { readdirSync, readlinkSync, statSync, lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TREE_LIMITS, linkProblem, normalizeGlob, pathProblem, placeOf } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { compileGlob, type Glob } from './glob.ts';

type Found =
  | { kind: 'file'; path: string; mode: number; size: number }
  | { kind: 'dir'; path: string; mode: number }
  | { kind: 'link'; path: string; target: string };
type Selection = { entries: Found[]; unmatched: string[]; skipped: string[] };

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
export const selectEntries = (root: string, paths: readonly string[], exclude: readonly string[]): Selection => {
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
    const visit: Visit = (path, stats) => {
      if (!pattern.matches(path) || excluded.some((matches) => matches(path))) return;
      pattern.used = true;
      if (!seen.has(path)) add(selection, seen, root, path, stats);
    };
    walk(pattern.base, { root, visit, git: pattern.namesGit, note: (text) => note(selection, text) });
  }
  selection.entries = withoutCollisions(selection);
  selection.unmatched = patterns.filter(({ used }) => !used).map(({ text }) => text);
  return selection;
};

type Visit = (path: string, stats: Stats) => void;
type Walk = { root: string; visit: Visit; git: boolean; note: (text: string) => void };

const walk = (start: string, walking: Walk): void => {
  const { root, visit } = walking;
  if (start !== '' && leadsThroughLink(root, start)) return;
  const stats = start === '' ? statSync(root) : lstatSync(join(root, start), { throwIfNoEntry: false });
  if (!stats) return;
  if (start !== '') visit(start, stats);
  if (stats.isDirectory()) walkDirectory(start, walking);
};

const leadsThroughLink = (root: string, path: string): boolean => {
  const segments = path.split('/');
  return segments
    .slice(0, -1)
    .some((_, index) =>
      lstatSync(join(root, ...segments.slice(0, index + 1)), { throwIfNoEntry: false })?.isSymbolicLink(),
    );
};

const walkDirectory = (directory: string, walking: Walk): void => {
  for (const name of readdirSync(join(walking.root, directory))) {
    const path = directory === '' ? name : `${directory}/${name}`;
    if (path === GIT && !walking.git) continue;
    const stats = lstatSync(join(walking.root, path), { throwIfNoEntry: false });
    if (stats) walking.visit(path, stats);
    else if (name.includes(NOT_UTF8)) walking.note(`${path} was left out: its name is not UTF-8`);
    if (!stats?.isDirectory()) continue;
    // What lies deeper could not be kept, and a walk without an end would exhaust the stack.
    if (path.split('/').length > TREE_LIMITS.depth) walking.note(`${path} was not looked into: it lies too deep`);
    else walkDirectory(path, walking);
  }
};

const add = (selection: Selection, seen: Set<string>, root: string, path: string, stats: Stats): void => {
  seen.add(path);
  if (seen.size > TREE_LIMITS.entries) throw tooMuch(`more than ${TREE_LIMITS.entries} files`);
  const mode = stats.mode & PERMISSIONS;
  if (pathProblem(path)) return note(selection, `a file was left out: its path ${pathProblem(path)}`);
  if (stats.isFile()) selection.entries.push({ kind: 'file', path, mode, size: stats.size });
  else if (stats.isDirectory()) selection.entries.push({ kind: 'dir', path, mode });
  else if (stats.isSymbolicLink()) addLink(selection, path, readlinkSync(join(root, path)));
  else note(selection, `${path} was left out: it is neither a file nor a directory nor a link`);
};

const addLink = (selection: Selection, path: string, target: string): void => {
  if (linkProblem(path, target)) note(selection, `${path} was left out: the link leads out of the workspace`);
  else selection.entries.push({ kind: 'link', path, target });
};

/**
 * Where the tree is put back, names that differ in case or composition only may be one place, and what a manifest could
 * not say is left out here, where somebody is told.
 */
const withoutCollisions = (selection: Selection): Found[] => {
  const places = new Map<string, Found>();
  for (const entry of selection.entries) {
    const place = placeOf(entry.path);
    const other = places.get(place);
    if (other) note(selection, `${entry.path} was left out: elsewhere it is the same file as ${other.path}`);
    else places.set(place, entry);
  }
  return [...places.values()].filter(({ path }) => {
    const above = placesAbove(path).find((place) => (places.get(place)?.kind ?? 'dir') !== 'dir');
    if (above) note(selection, `${path} was left out: elsewhere ${places.get(above)!.path} is in its way`);
    return above === undefined;
  });
};

const placesAbove = (path: string): string[] => {
  const segments = placeOf(path).split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
};

const note = (selection: Selection, text: string): void => {
  if (selection.skipped.length < MAX_NOTES) selection.skipped.push(text);
};

const tooMuch = (what: string): Refusal => new Refusal('tree_too_large', `there are ${what} to keep`);
