import { pathProblem } from '@foldline/contracts';
import { anyOf, listOf, mapOf, TEXT } from '../grammar/json-schema.ts';
import { record } from '../grammar/record.ts';
import { mapped, shape, text, within, type Shape } from '../grammar/shape.ts';
import { shorten, type MapNode, type Node, type Position } from '../node.ts';
import { invalid, readMap, type Where } from '../read.ts';
import { includeRules, type Rule } from './rules.ts';

/** A file that is taken over. Variables in `path`, which may be a pattern, are not filled in yet. */
export type Include = { path: string; at: Position; rules?: Rule[]; inputs?: MapNode };

const elsewhere = 'files of elsewhere are not included yet; copy the file into the repository';

/** Filled in, it is a path from the root of the repository. */
export const includedPath = (written: string): string | undefined => {
  const path = written.replace(/^\/+/, '');
  return pathProblem(path) === undefined && /\.ya?ml$/.test(path) ? path : undefined;
};

const location: Shape<{ path: string; at: Position }> = mapped(text, (written, { at }, where) => {
  if (/^https?:/i.test(written)) {
    const message = `${where.label} names \`${shorten(written)}\`, an address: ${elsewhere}.`;
    where.report.error('unsupported-keyword', at, message, 'Copy the file into the repository.');
    return undefined;
  }
  if (written.includes('$') || includedPath(written) !== undefined) return { path: written, at };
  return refusePath(written, at, where);
});

export const refusePath = (written: string, at: Position, { label, report }: Where): undefined => {
  const message = `${label} names \`${shorten(written)}\`, which is no path of a YAML file in this repository.`;
  report.error('unsafe-path', at, message, 'Write a path such as `ci/build.yml`.');
};

const inputs: Shape<MapNode> = shape(
  (node, where) => (readMap(node, where) && node.kind === 'map' ? node : undefined),
  mapOf(anyOf(TEXT, { type: 'array' })),
);

const beside = { local: 'ci/build.yml' };
const written = record<{ local: { path: string; at: Position }; rules: Rule[]; inputs: MapNode }>(
  {
    local: {
      shape: location,
      description: 'A path from the root of the repository, or a pattern.',
      example: 'ci/build.yml',
    },
    rules: {
      shape: includeRules,
      description: 'Whether the file is included: the first rule that holds decides; when none does, it is not.',
      example: [{ if: '$CI_COMMIT_TAG' }],
      beside,
    },
    inputs: {
      shape: inputs,
      description: 'What the file asks for in its `spec:inputs`.',
      example: { level: 'full' },
      beside,
    },
  },
  {
    refused: {
      project: elsewhere,
      file: elsewhere,
      ref: elsewhere,
      remote: elsewhere,
      integrity: elsewhere,
      component: elsewhere,
      cache: elsewhere,
      template: 'no templates are built in; copy the file into the repository',
    },
  },
);

const readInclude = (node: Node, where: Where): Include | undefined => {
  if (node.kind !== 'map') return location.read(node, where);
  const { local, ...rest } = written.read(node, where) ?? {};
  if (local) return { ...local, ...rest };
  if (node.entries.has('local') || Object.keys(written.refused).some((key) => node.entries.has(key))) return undefined;
  const hint = 'Write `local:` and the path of a file of this repository.';
  return invalid(node, where, 'has no `local`', hint);
};

const one = anyOf(TEXT, written.schema);

/** `include:` of a file: one, or a list of them. */
export const includes: Shape<Include[]> = shape(
  (node, where) =>
    (node.kind === 'list' ? node.items : [node])
      .map((item) => readInclude(item, where))
      .filter((include) => include !== undefined),
  anyOf(one, listOf(one)),
  within('item', written),
);
