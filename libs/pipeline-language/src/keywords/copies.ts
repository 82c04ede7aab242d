import { anyOf, listOf, mapOf, NOTHING, TEXT } from '../grammar/json-schema.ts';
import { record } from '../grammar/record.ts';
import { integer, mapped, orMap, shape, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { Node, Position } from '../node.ts';
import { inside, invalid, readList, readMap, type Where } from '../read.ts';
import { checkVariableName, readVariableValue } from './variables.ts';

/** One map of a matrix: every combination of one value per variable is a copy. */
export type MatrixRow = Record<string, string[]>;
export type Copies = { kind: 'count'; count: number } | { kind: 'matrix'; rows: MatrixRow[] };

const readRow = (node: Node, where: Where): MatrixRow | undefined => {
  const entries = readMap(node, where);
  if (!entries) return undefined;
  if (entries.size === 0) return invalid(node, where, 'must give each map at least one variable');
  const row: [string, string[]][] = [];
  for (const { key, at, value } of entries.values()) {
    const values = checkVariableName(key, at, where) ? readValues(value, inside(where, key)) : undefined;
    if (values) row.push([key, values]);
  }
  return row.length === entries.size ? Object.fromEntries(row) : undefined;
};

const readValues = (node: Node, where: Where): string[] | undefined => {
  const items = node.kind === 'list' ? node.items : [node];
  if (items.length === 0) return invalid(node, where, 'must have at least one value');
  const values = items.map((item) => readVariableValue(item, where)).filter((value) => value !== undefined);
  return values.length === items.length ? values : undefined;
};

const value = anyOf(TEXT, NOTHING);
const row = mapOf(anyOf(value, listOf(value)));

/** A map of values or lists of values, or a list of such maps. */
export const matrixRows: Shape<MatrixRow[]> = shape(
  (node, where) => {
    const items = node.kind === 'map' ? [node] : readList(node, where);
    if (!items) return undefined;
    const rows = items.map((item) => readRow(item, where)).filter((each) => each !== undefined);
    if (rows.length !== items.length) return undefined;
    return rows.length === 0 ? invalid(node, where, 'must have at least one map of values') : rows;
  },
  anyOf(listOf(row), row),
);

/** The product is known by multiplication; nothing is expanded to find out that it is too large. */
const fits = (rows: MatrixRow[], at: Position, where: Where): boolean => {
  const count = countCopies(rows);
  if (count <= limits.copiesPerJob) return true;
  const message = `${where.label} makes ${count} copies of the job; at most ${limits.copiesPerJob} are allowed.`;
  where.report.error('matrix-too-large', at, message, 'Take values out, or split the job.');
  return false;
};

export const countCopies = (rows: readonly MatrixRow[]): number =>
  rows.reduce((sum, row) => sum + Object.values(row).reduce((product, values) => product * values.length, 1), 0);

/** `matrix:` of a job (seed S0-27). */
export const matrix: Shape<Copies> = mapped(matrixRows, (rows, node, where) =>
  fits(rows, node.at, where) ? { kind: 'matrix', rows } : undefined,
);

/** `parallel: 5` or `parallel: {matrix: […]}` (seed S0-25, S0-26). */
export const parallel: Shape<Copies> = orMap<Copies>(
  mapped(integer(1, limits.copiesPerJob), (count) => ({ kind: 'count', count })),
  mapped(
    record<{ matrix: Copies }>({
      matrix: {
        shape: matrix,
        description: 'A copy for every combination of one value per variable.',
        example: [{ NODE: [20, 22], OS: ['debian', 'alpine'] }],
      },
    }),
    (read, node, where) =>
      node.kind === 'map' && node.entries.has('matrix')
        ? read.matrix
        : invalid(node, where, 'needs a number or a `matrix`'),
  ),
);
