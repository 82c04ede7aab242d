import type { PlannedJob } from '@foldline/contracts';
import type { Copy } from './expand-matrix.ts';
import type { MatrixRow } from './keywords/copies.ts';
import type { NeedEntry } from './keywords/needed-jobs.ts';
import type { Links } from './needs.ts';
import { shorten } from './node.ts';
import { indexesOf } from './plan-job.ts';
import type { Ranges } from './plan.ts';
import type { Report } from './report.ts';
import { copiesOf, type Selected } from './selected.ts';

type Waits = Pick<PlannedJob, 'waitsFor' | 'artifactsFrom'>;
type Needs = NonNullable<Links['needs']>;

/** Whether some copies are meant, and not all. */
export const namesCopies = ({ copies, copy }: NeedEntry): boolean => copies !== undefined || copy !== undefined;

/**
 * What a copy waits for whose job needs only some copies of others. A value may be that of the copy itself
 * (`$[[ matrix.NAME ]]`). Of `dependencies` it gets those that it waits for.
 */
export const neededCopies = (
  ranges: Ranges,
  report: Report,
): ((needs: Needs, copy: Copy, dependencies?: ReadonlySet<number>) => Waits) => {
  const made = new Map<Selected, readonly Copy[]>();
  const copies = (job: Selected): readonly Copy[] => {
    const known = made.get(job) ?? copiesOf(job);
    made.set(job, known);
    return known;
  };
  return (needs, copy, dependencies) => {
    const found = needs.map(({ job: needed, entry }) => {
      const indexes = indexesOf(needed, ranges);
      const { copy: name } = entry;
      const rows = entry.copies?.map((row) => filledIn(row, copy));
      const isMeant = (each: Copy): boolean =>
        (name === undefined || each.name === name) && (rows === undefined || isOneOf(each, rows));
      return {
        entry,
        indexes: namesCopies(entry) ? indexes.filter((_, at) => isMeant(copies(needed)[at]!)) : indexes,
      };
    });
    for (const { entry } of found) {
      if (entry.optional || found.some((each) => each.entry === entry && each.indexes.length > 0)) continue;
      const label = `Job \`${shorten(copy.name)}\` needs`;
      const message =
        entry.copy === undefined
          ? `${label} copies of \`${shorten(entry.job)}\` with values that none has.`
          : `${label} \`${shorten(entry.copy)}\`, which is not part of the pipeline.`;
      report.error('needs-missing-job', entry.at, message, 'Name copies that are there, or write `optional: true`.');
    }
    const waitsFor = found.flatMap(({ entry, indexes }) =>
      indexes.map((index) => ({ job: index, artifacts: entry.artifacts })),
    );
    const distinct = [...new Map(waitsFor.map((need) => [need.job, need])).values()];
    const taken = distinct.filter(({ job: index, artifacts }) => (dependencies ? dependencies.has(index) : artifacts));
    return { waitsFor: distinct, artifactsFrom: taken.map((need) => need.job) };
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
