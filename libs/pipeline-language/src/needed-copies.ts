import type { PlannedJob } from '@foldline/contracts';
import type { JobDefinition } from './definition.ts';
import type { Copy } from './expand-matrix.ts';
import type { MatrixRow } from './keywords/copies.ts';
import type { Links } from './needs.ts';
import { shorten } from './node.ts';
import { indexesOf } from './plan-job.ts';
import type { Ranges } from './plan.ts';
import type { Report } from './report.ts';
import { copiesOf, type Selected } from './selected.ts';

type Waits = Pick<PlannedJob, 'waitsFor'> & Partial<Pick<PlannedJob, 'artifactsFrom'>>;
type Needs = NonNullable<Links['needs']>;

/**
 * What a copy waits for whose job needs only some copies of others. A value may be that of the copy itself
 * (`$[[ matrix.NAME ]]`).
 */
export const neededCopies = (
  ranges: Ranges,
  report: Report,
): ((job: JobDefinition, needs: Needs, copy: Copy) => Waits) => {
  const made = new Map<Selected, readonly Copy[]>();
  const copies = (job: Selected): readonly Copy[] => {
    const known = made.get(job) ?? copiesOf(job);
    made.set(job, known);
    return known;
  };
  return (job, needs, copy) => {
    const found = needs.map(({ job: needed, entry }) => {
      const indexes = indexesOf(needed, ranges);
      const rows = entry.copies?.map((row) => filledIn(row, copy));
      return { entry, indexes: rows ? indexes.filter((_, at) => isOneOf(copies(needed)[at]!, rows)) : indexes };
    });
    for (const { entry } of found) {
      if (entry.optional || found.some((each) => each.entry === entry && each.indexes.length > 0)) continue;
      const message = `Job \`${shorten(copy.name)}\` needs copies of \`${shorten(entry.job)}\` with values that none has.`;
      report.error('needs-missing-job', entry.at, message, 'Write values that the matrix of that job has.');
    }
    const waitsFor = found.flatMap(({ entry, indexes }) =>
      indexes.map((index) => ({ job: index, artifacts: entry.artifacts })),
    );
    const distinct = [...new Map(waitsFor.map((need) => [need.job, need])).values()];
    const artifactsFrom = distinct.filter(({ artifacts }) => artifacts).map((need) => need.job);
    return { waitsFor: distinct, ...(!job.settings.dependencies && { artifactsFrom }) };
  };
};

const OWN_VALUE = /\$\[\[\s*matrix\.([A-Za-z_][A-Za-z0-9_]{0,254})\s*\]\]/g;

const filledIn = (row: MatrixRow, { matrix = {} }: Copy): MatrixRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, values]) => [
      name,
      values.map((value) =>
        value.replace(OWN_VALUE, (all, own: string) => (Object.hasOwn(matrix, own) ? matrix[own]! : all)),
      ),
    ]),
  );

const isOneOf = ({ matrix }: Copy, rows: readonly MatrixRow[]): boolean =>
  matrix !== undefined &&
  rows.some((row) => Object.entries(row).every(([name, values]) => values.includes(matrix[name] ?? '')));
