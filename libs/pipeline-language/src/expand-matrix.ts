import { countCopies, type Copies, type MatrixRow } from './keywords/copies.ts';
import type { JobSettings } from './keywords/job-keywords.ts';

/** One copy of a job: its name, its place among the copies and the variables that make it different. */
export type Copy = { name: string; node?: { index: number; total: number }; matrix?: Record<string, string> };

const copiesOf = ({ parallel, matrix }: Partial<JobSettings>): Copies | undefined => matrix ?? parallel;

/** How many jobs a definition becomes, without making them. */
export const copyCount = (settings: Partial<JobSettings>): number => {
  const copies = copiesOf(settings);
  if (!copies) return 1;
  return copies.kind === 'count' ? copies.count : countCopies(copies.rows);
};

/** The copies in the order of the file: `test 1/3`, or `test: [16, ubuntu]`; later variables vary fastest. */
export const expandCopies = (name: string, settings: Partial<JobSettings>): Copy[] => {
  const copies = copiesOf(settings);
  if (!copies) return [{ name }];
  if (copies.kind === 'count')
    return Array.from({ length: copies.count }, (_, index) => ({
      name: `${name} ${index + 1}/${copies.count}`,
      node: { index, total: copies.count },
    }));
  const matrices = copies.rows.flatMap(combinations);
  return matrices.map((matrix, index) => ({
    name: `${name}: [${Object.values(matrix).join(', ')}]`,
    node: { index, total: matrices.length },
    matrix,
  }));
};

/** Each has all of its variables from the start: what is cloned is made much faster than what grows. */
const combinations = (row: MatrixRow): Record<string, string>[] => {
  let matrices = [Object.fromEntries(Object.keys(row).map((key) => [key, '']))];
  for (const [key, values] of Object.entries(row))
    matrices = matrices.flatMap((matrix) =>
      values.map((value) => {
        const varied = { ...matrix };
        varied[key] = value;
        return varied;
      }),
    );
  return matrices;
};
