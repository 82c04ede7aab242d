import { expandVariables, normalizeGlob, pathProblem, regexOfGlob } from '@foldline/contracts';
import { RE2JS } from 're2js';
import { limits } from '../limits.ts';
import { mapped, texts, type Shape } from '../grammar/shape.ts';
import { shorten } from '../node.ts';
import type { Located, Where } from '../read.ts';
import { remembering } from '../remembering.ts';

type Check = (path: Located<string>, where: Where) => boolean;

const paths = (check: Check): Shape<string[]> =>
  mapped(texts, (read, _, where) =>
    read.filter((path) => isInside(path, where) && check(path, where)).map(({ value }) => value),
  );

const isInside = ({ value, at }: Located<string>, where: Where): boolean => {
  const leaves = /^(\/|~|[A-Za-z]:)/.test(value.trim());
  if (!leaves && value.length <= limits.pathLength && pathProblem(normalizeGlob(value)) === undefined) return true;
  const message = `${where.label} has the path \`${shorten(value)}\`, which is not a plain path inside the workspace.`;
  const hint = 'Write a path relative to the workspace, with `/` between names and without `..`.';
  where.report.error('unsafe-path', at, message, hint);
  return false;
};

const isPattern: Check = (path, where) => {
  if (path.value.startsWith('!'))
    return refuse(path, where, '`!` has no meaning', 'What artifacts leave out is listed in `exclude`, without `!`.');
  return !runsBackwards(path.value) || refuse(path, where, 'a range runs backwards', 'Write ranges as `[a-z]`.');
};

/**
 * Nothing else keeps a pattern from compiling, so most files need no compiler. What a variable puts between brackets is
 * known only to the runner: a slash in its place ends the set, which then says nothing.
 */
const runsBackwards = remembering((pattern): boolean => {
  if (!pattern.includes('[')) return false;
  try {
    RE2JS.compile(regexOfGlob(expandVariables(pattern, () => '/')));
    return false;
  } catch {
    return true;
  }
});

const isFileName: Check = (path, where) =>
  !/[*?]/.test(path.value) ||
  refuse(path, where, 'only the name of one file can stand here', 'Name each file whose content makes the key.');

const refuse = ({ value, at }: Located<string>, where: Where, why: string, hint: string): false => {
  const message = `${where.label} has the pattern \`${shorten(value)}\`, which cannot be used: ${why}.`;
  where.report.error('invalid-pattern', at, message, hint);
  return false;
};

/** Globs relative to the workspace. What would leave the workspace is refused here and again by the runner. */
export const patterns = paths(isPattern);

/** Names of single files, in which a wildcard would be a letter like any other. */
export const fileNames = paths(isFileName);
