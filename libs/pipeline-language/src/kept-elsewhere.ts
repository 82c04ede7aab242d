import type { KeptAttempt } from '@foldline/contracts';
import { NEWEST_PIPELINES, keyOf, type KeptLocation, type NotFound } from './elsewhere.ts';
import type { NeedEntry } from './keywords/needed-jobs.ts';
import { shorten } from './node.ts';
import { projectName } from './place-of-include.ts';
import type { Where } from './read.ts';
import type { Trigger } from './select-jobs.ts';
import type { Sources, Wanted } from './sources.ts';

const HANDED_ON = '`variables: {PARENT_PIPELINE_ID: $CI_PIPELINE_ID}`';
const HAND_ON = `Beside the \`trigger\` of this pipeline write ${HANDED_ON}.`;
const BE_STARTED = `Let a job with \`trigger: include\` start this file, with ${HANDED_ON} beside it.`;
const ONLY_THE_PARENT =
  'Only the parent can be named, and no pipeline above it: let a job of the parent take the artifacts and keep them.';
const WAIT = 'Let the `trigger` of that pipeline come after the job, or write `optional: true`.';
const NAME_ANOTHER = "Name a job that is part of the parent's pipeline, or write `optional: true`.";
const RUN_THERE = 'Look at the names of the job and the ref, start a pipeline there, or write `optional: true`.';

/**
 * Attempts of jobs of other pipelines whose artifacts are taken. What was not looked up yet is noted, and answered as if
 * there were none.
 */
export class KeptElsewhere {
  readonly #wanted = new Map<string, KeptLocation>();

  constructor(
    readonly sources: Sources,
    readonly trigger: Trigger,
  ) {}

  get wanted(): Wanted | undefined {
    if (this.#wanted.size === 0) return undefined;
    return { files: [], paths: false, changes: [], elsewhere: [...this.#wanted.values()] };
  }

  /** `fill` fills in what everybody sees; nothing after reporting why there is nothing to take. */
  of(entry: NeedEntry, fill: (text: string) => string, where: Where): readonly KeptAttempt[] {
    const location = this.#locationOf(entry, fill, where);
    if (!location) return [];
    const key = keyOf(location);
    const found = this.sources.elsewhere?.[key];
    if (!found) this.#wanted.set(key, location);
    else if ('problem' in found) report(found, entry, where);
    else return attemptsOf(found.text, location, entry, where);
    return [];
  }

  #locationOf(entry: NeedEntry, fill: (text: string) => string, where: Where): KeptLocation | undefined {
    const { job } = entry;
    const of = entry.of!;
    if ('pipeline' in of) {
      const pipeline = fill(of.pipeline);
      const { source, upstream } = this.trigger;
      const isChild = source === 'parent_pipeline';
      if (isChild && pipeline === upstream?.pipelineId) return { kind: 'kept', job, pipeline };
      const which = `of the pipeline \`${shorten(of.pipeline)}\``;
      const isUnset = pipeline === '' || pipeline.includes('$');
      if (!isChild) missing(entry, `${which}, and this one is a child of none`, where, BE_STARTED);
      else {
        const why = `${which}, which is not the one that this is a child of`;
        missing(entry, why, where, isUnset ? HAND_ON : ONLY_THE_PARENT);
      }
      return undefined;
    }
    const written = fill(of.project);
    const project = projectName(written);
    if (project !== undefined) return { kind: 'kept', job, project, ref: fill(of.ref) };
    missing(entry, `of \`${shorten(written)}\`, which is no project`, where, 'Write it as `owner/name`.');
    return undefined;
  }
}

const attemptsOf = (text: string, location: KeptLocation, entry: NeedEntry, where: Where): readonly KeptAttempt[] => {
  const attempts = JSON.parse(text) as KeptAttempt[] | null;
  if (attempts === null) missing(entry, 'of its parent, which has no such job', where, NAME_ANOTHER);
  else if (attempts.length > 0) return attempts;
  else if ('pipeline' in location) missing(entry, 'of its parent, where it has not ended', where, WAIT);
  else {
    const there = `\`${shorten(location.project)}\` at \`${shorten(location.ref)}\``;
    const looked = `where it has not succeeded in any of the newest ${NEWEST_PIPELINES} pipelines of that project`;
    missing(entry, `of ${there}, ${looked}`, where, RUN_THERE);
  }
  return [];
};

const missing = ({ job, optional, at }: NeedEntry, why: string, { label, report: of }: Where, hint: string): void => {
  if (!optional) of.error('needs-missing-job', at, `${label} needs \`${shorten(job)}\` ${why}.`, hint);
};

const report = (
  { problem, message, hint, severity }: NotFound,
  { optional, at }: NeedEntry,
  { report: of }: Where,
): void => {
  if (severity === 'warning') of.warn(problem, at, message, hint);
  else if (!optional) of.error(problem, at, message, hint);
};
