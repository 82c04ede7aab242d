import { readdirSync, readlinkSync, statSync, lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TREE_LIMITS, linkProblem, pathProblem } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { compileGlob, type Glob } from './glob.ts';

export type Found =
  | { kind: 'file'; path: string; mode: number; size: number }
  | { kind: 'dir'; path: string; mode: number }
  | { kind: 'link'; path: string; target: string };
export type Selection = { entries: Found[]; unmatched: string[]; skipped: string[] };

const PERMISSIONS = 0o777;
const MAX_NOTES = 50;
type Pattern = Glob & { text: string; used: boolean };

/**
 * Finds what the patterns name below a directory (see `compileGlob`); `dist/` is the directory and everything in it.
 * Symbolic links are never followed, so nothing outside can be found.
 */
export const selectEntries = (root: string, paths: readonly string[], exclude: readonly string[]): Selection => {
  const selection: Selection = { entries: [], unmatched: [], skipped: [] };
  const excluded = exclude.map((text) => compileGlob(normalize(text)).matches);
  const patterns: Pattern[] = [];
  for (const text of paths) {
    const relative = normalize(text);
    if (pathProblem(relative)) note(selection, `${text} is not a path inside the workspace`);
    else patterns.push({ text, ...compileGlob(relative), used: false });
  }
  const seen = new Set<string>();
  for (const pattern of patterns) {
    walk(root, pattern.base, (path, stats) => {
      if (!pattern.matches(path) || excluded.some((matches) => matches(path))) return;
      pattern.used = true;
      if (!seen.has(path)) add(selection, seen, root, path, stats);
    });
  }
  selection.unmatched = patterns.filter(({ used }) => !used).map(({ text }) => text);
  return selection;
};

const normalize = (text: string): string =>
  text
    .trim()
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '');

const walk = (root: string, from: string, visit: (path: string, stats: Stats) => void): void => {
  const start = from === '.' ? '' : from;
  if (start !== '' && leadsThroughLink(root, start)) return;
  const stats = start === '' ? statSync(root) : lstatSync(join(root, start), { throwIfNoEntry: false });
  if (!stats) return;
  if (start !== '') visit(start, stats);
  if (stats.isDirectory()) walkDirectory(root, start, visit, 0);
};

const leadsThroughLink = (root: string, path: string): boolean => {
  const segments = path.split('/');
  return segments
    .slice(0, -1)
    .some((_, index) =>
      lstatSync(join(root, ...segments.slice(0, index + 1)), { throwIfNoEntry: false })?.isSymbolicLink(),
    );
};

const walkDirectory = (
  root: string,
  directory: string,
  visit: (path: string, stats: Stats) => void,
  depth: number,
): void => {
  if (depth > TREE_LIMITS.depth) throw tooMuch(`more than ${TREE_LIMITS.depth} levels of directories`);
  for (const name of readdirSync(join(root, directory))) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (!stats) continue;
    visit(path, stats);
    if (stats.isDirectory()) walkDirectory(root, path, visit, depth + 1);
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

const note = (selection: Selection, text: string): void => {
  if (selection.skipped.length < MAX_NOTES) selection.skipped.push(text);
};

const tooMuch = (what: string): Refusal => new Refusal('tree_too_large', `there are ${what} to keep`);
