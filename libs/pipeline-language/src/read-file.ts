import type { IncludedFile } from '@foldline/contracts';
import { readDefinition, type Definition } from './definition.ts';
import { resolveExtends } from './extend.ts';
import { load, type Loaded } from './load.ts';
import { shorten, type MapNode, type Position } from './node.ts';
import { resolveReferences } from './references.ts';
import type { Report } from './report.ts';
import type { Wanted } from './sources.ts';

export const fileStart: Position = { line: 1, column: 1 };

/** What the file says once everything that it shares with itself is laid out; nothing when it is no YAML of ours. */
export const readFile = (
  input: Loaded,
  report: Report,
): { wanted?: Wanted; included?: IncludedFile[]; definition?: Definition; root?: MapNode } => {
  const { root, wanted, included } = load(input, report);
  if (wanted) return { wanted };
  const whole = root && resolveReferences(resolveExtends(root, report), report);
  return whole ? { root: whole, included, definition: readDefinition(whole, report) } : {};
};

/** Silent when the file has other mistakes: a job that could not be read is not a missing one. */
export const reportEmpty = ({ templates }: Definition, report: Report, at?: Position): void => {
  if (report.failed) return;
  const [first] = templates;
  if (at) {
    const message = 'The child pipeline has no job: no file that it is made of defines one.';
    report.error('no-jobs', at, message, 'Add a job to one of its files: a name with a `script:` under it.');
    return;
  }
  if (first) {
    const names = templates.slice(0, 5).map(({ name }) => `\`${shorten(name)}\``);
    const shown = [...names, ...(templates.length > 5 ? [`${templates.length - 5} more`] : [])].join(', ');
    const message = `The file defines no job, only templates: ${shown}. A name that begins with a dot is never a job.`;
    report.error('no-jobs', first.at, message, 'Take the dot off the name of what should run.');
    return;
  }
  const message = report.isPartial ? 'The file defines no job, but for what is left out.' : 'The file defines no job.';
  report.error('no-jobs', fileStart, message, 'Add a job: a name with a `script:` under it.');
};
