import { expandVariables, pathProblem, regexOfGlob } from '@foldline/contracts';
import { RE2JS } from 're2js';
import { record, type Field, type Gap } from '../grammar/record.ts';
import { boolean, mapped, orMap, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { shorten } from '../node.ts';
import { invalid, type Located, type Where } from '../read.ts';
import { remembering } from '../remembering.ts';

/** Files that changed, by patterns in which variables are filled in; since `compareTo`, or else since the last push. */
export type Changes = { paths: Located<string>[]; compareTo?: Located<string> };
/** Files that the commit has. */
export type Exists = { paths: Located<string>[] };

/** What a variable stands for is known later; a letter in its place says whether the rest can be used. */
const isUsable = remembering((pattern): boolean => {
  const path = expandVariables(pattern, () => 'x');
  if (path.length > limits.pathLength || pathProblem(path.replaceAll('**', 'x')) !== undefined) return false;
  try {
    return RE2JS.compile(regexOfGlob(path)) !== undefined;
  } catch {
    return false;
  }
});

const refuse = ({ value, at }: Located<string>, where: Where): false => {
  const message = `${where.label} has the pattern \`${shorten(value)}\`, which can match no file of the repository.`;
  where.report.error(
    'invalid-pattern',
    at,
    message,
    'Write paths from the root of the repository, such as `src/**/*`.',
  );
  return false;
};

const paths: Shape<Located<string>[]> = mapped(texts, (read, node, where) => {
  if (read.length > limits.pathsPerRule)
    return invalid(node, where, `may have at most ${limits.pathsPerRule} patterns`);
  const usable = read.filter((path) => isUsable(path.value) || refuse(path, where));
  return usable.length < read.length
    ? undefined
    : usable.map(({ value, at }) => ({ value: value.replace(/^\//, ''), at }));
});

const byRegexp: Gap = { why: 'patterns of paths are compared, not regular expressions', stops: true };
const ofAnotherProject: Gap = { why: 'only files of this project are looked at', stops: true };
const beside = { paths: ['Dockerfile'] };

const regexp: Field<boolean> = {
  shape: boolean,
  description: 'Whether the paths are regular expressions.',
  default: false,
  example: true,
  beside,
  planned: byRegexp,
};

export const changes: Shape<Changes> = orMap<Changes>(
  mapped(paths, (read) => ({ paths: read })),
  mapped(
    record<{ paths: Located<string>[]; compare_to: Located<string>; regexp: boolean }>({
      paths: { shape: paths, description: 'Patterns of paths.', example: ['Dockerfile'] },
      compare_to: {
        shape: mapped(text, (value, { at }) => ({ value, at })),
        description: 'The branch, tag or commit since which files changed; also as `refs/heads/…` or `refs/tags/…`.',
        example: 'main',
        beside,
      },
      regexp,
    }),
    ({ paths: read, compare_to: compareTo }, node, where) => {
      if (node.kind === 'map' && !node.entries.has('paths')) return invalid(node, where, 'needs `paths`');
      return read && { paths: read, ...(compareTo && { compareTo }) };
    },
  ),
);

export const exists: Shape<Exists> = orMap<Exists>(
  mapped(paths, (read) => ({ paths: read })),
  mapped(
    record<{ paths: Located<string>[]; project: string; ref: string; regexp: boolean }>({
      paths: { shape: paths, description: 'Patterns of paths.', example: ['Dockerfile'] },
      project: {
        shape: text,
        description: 'Another project, whose files are meant.',
        example: 'acme/library',
        beside,
        planned: ofAnotherProject,
      },
      ref: {
        shape: text,
        description: 'The ref of the other project.',
        example: 'main',
        beside: { ...beside, project: 'acme/library' },
        planned: ofAnotherProject,
      },
      regexp,
    }),
    ({ paths: read }, node, where) =>
      node.kind === 'map' && !node.entries.has('paths')
        ? invalid(node, where, 'needs `paths`')
        : read && { paths: read },
  ),
);

/** Of `only` and `except`. */
export const changedPaths = paths;
