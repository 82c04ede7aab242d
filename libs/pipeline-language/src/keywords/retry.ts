import type { RetryReason } from '@foldline/contracts';
import { limits } from '../limits.ts';
import { nameOf, type Node } from '../node.ts';
import { inside, readFields, readInteger, readTexts, type Located, type Where } from '../read.ts';
import { didYouMean } from '../suggest.ts';

export type Retry = { max: number; when: RetryReason[] };

const reasons: readonly RetryReason[] = [
  'always',
  'script_failure',
  'job_timeout',
  'runner_lost',
  'runner_system_failure',
  'artifact_upload_failure',
  'artifact_download_failure',
  'missing_artifact',
];

/** GitLab's names for reasons that have another name here. */
const synonyms: Record<string, RetryReason> = {
  job_execution_timeout: 'job_timeout',
  stuck_or_timeout_failure: 'job_timeout',
  missing_dependency_failure: 'missing_artifact',
};

/** `retry: 2` or `retry: {max: 2, when: script_failure}` (seed S0-20). */
export const readRetry = (node: Node, where: Where): Retry | undefined => {
  if (node.kind !== 'map') {
    const max = readInteger(node, where, 0, limits.retries);
    return max === undefined ? undefined : { max, when: ['always'] };
  }
  const fields = readFields(node, where, { known: ['max', 'when'], later: ['exit_codes'] });
  const maxEntry = fields?.get('max');
  const whenEntry = fields?.get('when');
  const max = maxEntry ? readInteger(maxEntry.value, inside(where, 'max'), 0, limits.retries) : 0;
  if (!maxEntry)
    where.report.error('wrong-type', node.at, `${where.label} has no \`max\`.`, 'Write for example `max: 2`.');
  const texts = whenEntry ? readTexts(whenEntry.value, inside(where, 'when')) : [];
  const when = (texts ?? [])
    .map((text) => readReason(text, inside(where, 'when')))
    .filter((reason) => reason !== undefined);
  if (whenEntry && texts?.length === 0)
    where.report.error(
      'wrong-type',
      whenEntry.at,
      `${where.label}.when must name a reason, but it is ${nameOf(whenEntry.value)}.`,
    );
  return max === undefined ? undefined : { max, when: when.length === 0 ? ['always'] : [...new Set(when)] };
};

const readReason = ({ value, at }: Located<string>, where: Where): RetryReason | undefined => {
  const reason = Object.hasOwn(synonyms, value) ? synonyms[value] : reasons.find((known) => known === value);
  if (reason !== undefined) return reason;
  const known = `Known: ${reasons.map((name) => `\`${name}\``).join(', ')}.`;
  const message = `${where.label} has the reason \`${value.slice(0, 60)}\`, which is not known.`;
  where.report.error('invalid-value', at, message, didYouMean(value, reasons) ?? known);
  return undefined;
};
