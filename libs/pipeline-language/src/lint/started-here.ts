import { childText } from '../child-text.ts';
import type { Definition, JobDefinition } from '../definition.ts';
import { hasVariables, isPattern, placeOf } from '../place-of-include.ts';
import { includeOf } from '../plan-trigger.ts';
import { jsonOf } from '../grammar/json-value.ts';
import { reportMissingFile } from '../included-files.ts';
import type { Position } from '../node.ts';
import { heldBelow, type HeldGroup } from './held-groups.ts';
import { subject } from '../read.ts';
import type { Report } from '../report.ts';
import type { RepositoryFacts } from '../repository-facts.ts';

/** What a child pipeline is made of, where a file says so, and what is kept from it until it has ended. */
export type StartedHere = { text: string; at: Position; held: readonly HeldGroup[] };

type Given = Readonly<Record<string, unknown>>;

/** Whether there may be no trigger at all that lets the job in. */
const isConditional = ({ keywords }: JobDefinition): boolean =>
  ['rules', 'only', 'except'].some((keyword) => keywords.has(keyword));

const asWritten = (text: string): string => text;

/**
 * The child pipelines whose files are all of this repository. Reports those that are not there, also where what else
 * belongs to the pipeline is only known when it runs.
 */
export const startedHere = (
  { jobs }: Definition,
  above: readonly HeldGroup[],
  repository: RepositoryFacts,
  report: Report,
): StartedHere[] =>
  jobs.flatMap((job): StartedHere[] => {
    const { of, inputs } = job.settings.trigger ?? {};
    if (of?.kind !== 'child') return [];
    const targets = of.files.flatMap((file) => file.targets);
    const isThere = targets.map(({ value, at }) => {
      if (value.kind !== 'local' || hasVariables(value)) return false;
      const place = placeOf(value, at, subject(report, ''));
      if (place?.kind !== 'local') return false;
      if (isPattern(place.path) || repository.has(place.path)) return true;
      reportMissingFile(
        { value: place.path, at },
        { sources: repository.sources, report, isOptional: isConditional(job) },
      );
      return false;
    });
    if (!isThere.every(Boolean)) return [];
    const include = of.files.map((file) => includeOf(file, asWritten));
    const text = childText(include, inputs && (jsonOf(inputs) as Given));
    return [{ text, at: targets[0]!.at, held: heldBelow(job, above) }];
  });
