import type { RetryReason } from '@foldline/contracts';
import { anyOf, listOf, type JsonSchema } from '../grammar/json-schema.ts';
import { record } from '../grammar/record.ts';
import { integer, mapped, oneOrMore, orMap, shape, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { nameOf, shorten } from '../node.ts';
import { readTexts, type Located, type Where } from '../read.ts';
import { didYouMean } from '../suggest.ts';

export type Retry = { max: number; when: RetryReason[]; exitCodes?: number[] };

const reasons: readonly RetryReason[] = [
  'always',
  'script_failure',
  'out_of_memory',
  'out_of_disk',
  'job_timeout',
  'runner_lost',
  'runner_system_failure',
  'artifact_upload_failure',
  'artifact_download_failure',
  'missing_artifact',
  'image_pull_failure',
  'docker_unavailable',
];

/** GitLab's names for reasons that have another name here. */
const synonyms: Record<string, RetryReason> = {
  job_execution_timeout: 'job_timeout',
  stuck_or_timeout_failure: 'job_timeout',
  missing_dependency_failure: 'missing_artifact',
  runner_interrupted: 'runner_lost',
  runner_external_failure: 'runner_system_failure',
};

/** GitLab's reasons for failures that do not happen here. */
const neverHappen: readonly string[] = [
  'api_failure',
  'archived_failure',
  'data_integrity_failure',
  'no_updates_running',
  'no_updates_canceling',
  'runner_config_failure',
  'runner_unsupported',
  'scheduler_failure',
  'server_timeout_canceling',
  'server_timeout_running',
  'stale_schedule',
  'stuck_pending_matching_runner_online_constrained',
  'stuck_pending_matching_runners_offline',
  'stuck_pending_no_matching_runner',
  'unknown_failure',
  'unmet_prerequisites',
];

const readReason = ({ value, at }: Located<string>, where: Where): RetryReason | undefined => {
  const reason = Object.hasOwn(synonyms, value) ? synonyms[value] : reasons.find((known) => known === value);
  if (reason !== undefined) return reason;
  if (neverHappen.includes(value)) {
    const message = `${where.label} names \`${value}\`, a failure that does not happen here.`;
    where.report.warn('reason-never-happens', at, message);
    return undefined;
  }
  const known = `Known: ${reasons.map((name) => `\`${name}\``).join(', ')}.`;
  const message = `${where.label} has the reason \`${shorten(value)}\`, which is not known.`;
  where.report.error('invalid-value', at, message, didYouMean(value, reasons) ?? known);
  return undefined;
};

const reason: JsonSchema = { title: 'reason', enum: [...reasons, ...Object.keys(synonyms), ...neverHappen] };

const readReasons: Shape<RetryReason[]> = shape(
  (node, where) => {
    const texts = readTexts(node, where);
    if (texts?.length === 0) {
      const message = `${where.label} must name a reason, but it is ${nameOf(node)}.`;
      where.report.error('wrong-type', node.at, message);
    }
    return texts && [...new Set(texts.map((text) => readReason(text, where)).filter((read) => read !== undefined))];
  },
  anyOf(reason, listOf(reason)),
);

/** What a program ends with; 0 is no failure. */
export const exitCodes = oneOrMore(integer(1, 255), limits.exitCodes, 'exit codes');

const max = integer(0, limits.retries);

/** `retry: 2` or `retry: {max: 2, when: script_failure}` (seed S0-20). */
export const retry: Shape<Retry> = orMap<Retry>(
  mapped(max, (count) => ({ max: count, when: ['always'] })),
  mapped(
    record<{ max: number; when: RetryReason[]; exit_codes: number[] }>(
      {
        max: { shape: max, description: 'How many times a job is tried again.', default: 0, example: 2 },
        when: {
          shape: readReasons,
          description: 'After which failures.',
          default: 'always',
          example: ['runner_system_failure', 'job_timeout'],
          beside: { max: 2 },
        },
        exit_codes: {
          shape: exitCodes,
          description: 'After which exit codes of the script, besides the reasons of `when`.',
          example: [75, 137],
          beside: { max: 2 },
        },
      },
      { required: ['max'] },
    ),
    ({ max: count, when, exit_codes: codes }, node, where) => {
      if (node.kind === 'map' && !node.entries.has('max'))
        where.report.error('wrong-type', node.at, `${where.label} has no \`max\`.`, 'Write for example `max: 2`.');
      if (count === undefined) return undefined;
      if (codes) return { max: count, when: when ?? [], exitCodes: codes };
      const isLimited = node.kind === 'map' && node.entries.has('when');
      return { max: count, when: isLimited ? (when ?? []) : ['always'] };
    },
  ),
);
