import type { KeptAttempt } from '@foldline/contracts';
import { keyOf, type KeptLocation, type NotFound } from './elsewhere.ts';
import type { NeedEntry } from './keywords/needed-jobs.ts';
import { shorten } from './node.ts';
import { projectName } from './place-of-include.ts';
import type { Where } from './read.ts';
import type { Trigger } from './select-jobs.ts';
import type { Sources, Wanted } from './sources.ts';

const HAND_ON = 'Beside the `trigger` of that pipeline write `variables: {PARENT_PIPELINE_ID: $CI_PIPELINE_ID}`.';

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
    else return this.#attemptsOf(found.text, entry, where);
    return [];
  }

  #attemptsOf(text: string, entry: NeedEntry, where: Where): readonly KeptAttempt[] {
    const attempts = JSON.parse(text) as KeptAttempt[];
    if (attempts.length === 0) missing(entry, 'of which none has ended there', where);
    return attempts;
  }

  #locationOf({ job, ...entry }: NeedEntry, fill: (text: string) => string, where: Where): KeptLocation | undefined {
    const of = entry.of!;
    if ('pipeline' in of) {
      const pipeline = fill(of.pipeline);
      const { source, upstream } = this.trigger;
      if (source === 'parent_pipeline' && pipeline === upstream?.pipelineId) return { kind: 'kept', job, pipeline };
      const which = `the pipeline \`${shorten(of.pipeline)}\`, which is not the one that this is a child of`;
      missing({ job, ...entry }, `of ${which}`, where, HAND_ON);
      return undefined;
    }
    const written = fill(of.project);
    const project = projectName(written);
    if (project !== undefined) return { kind: 'kept', job, project, ref: fill(of.ref) };
    missing({ job, ...entry }, `of \`${shorten(written)}\`, which is no project`, where, 'Write it as `owner/name`.');
    return undefined;
  }
}

const missing = ({ job, optional, at }: NeedEntry, why: string, { label, report: of }: Where, hint?: string): void => {
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
