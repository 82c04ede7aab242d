import type { JobDefinition } from './definition.ts';
import { expandCopies } from './expand-matrix.ts';

/** A job, or one copy of it. */
export type NamedJob = { job: JobDefinition; copy?: string };

/** Finds jobs, and copies such as `test 1/3` and `test: [16, ubuntu]`, by their names. */
export const namedJobs = (byName: ReadonlyMap<string, JobDefinition>): ((name: string) => NamedJob | undefined) => {
  const made = new Map<JobDefinition, ReadonlySet<string>>();
  const copyNames = (job: JobDefinition): ReadonlySet<string> => {
    const names = made.get(job) ?? new Set(expandCopies(job.name, job.settings).map(({ name }) => name));
    made.set(job, names);
    return names;
  };
  return (name) => {
    const job = byName.get(name);
    if (job) return { job };
    const copied = byName.get(withoutCopy(name));
    return copied && copyNames(copied).has(name) ? { job: copied, copy: name } : undefined;
  };
};

const withoutCopy = (name: string): string => {
  const bracket = name.indexOf(': [');
  return bracket === -1 ? name.replace(/ \d+\/\d+$/, '') : name.slice(0, bracket);
};
