import type { PipelineContext, Plan, PlannedJob } from '@foldline/contracts';
import { plannedJob } from '@foldline/testing';

/** A planned job with only what a spec cares about. `needs` are names; `name` alone is an ordinary job. */
export type JobSketch = Partial<Omit<PlannedJob, 'index' | 'waitsFor' | 'artifactsFrom'>> & {
  name: string;
  /** Makes the job wait for exactly these jobs instead of the earlier stages. */
  needs?: readonly string[];
  /** Makes the job receive the artifacts of exactly these jobs. */
  dependencies?: readonly string[];
};

/**
 * A plan from sketches: `plan('build', 'test needs build, lint', { name: 'deploy', stage: 'deploy', when: 'manual' })`.
 * Stages are those that the jobs name, in the order in which they come up; a job without one is in `test`.
 */
export const plan = (...sketches: readonly (string | JobSketch)[]): Plan => {
  const jobs = sketches.map((sketch) => (typeof sketch === 'string' ? parse(sketch) : sketch));
  const indexOf = new Map(jobs.map(({ name }, index) => [name, index]));
  const find = (name: string): number => {
    const index = indexOf.get(name);
    if (index === undefined) throw new Error(`the plan has no job ${name}`);
    return index;
  };
  return {
    version: 1,
    file: '.codara-ci.yml',
    stages: [...new Set(jobs.map(({ stage = 'test' }) => stage))],
    variables: { GREETING: 'hello' },
    jobs: jobs.map((sketch, index) => jobOf(sketch, index, find)),
    warnings: [],
    decisions: [],
  };
};

export const ARTIFACTS: NonNullable<PlannedJob['artifacts']> = {
  paths: ['out/**'],
  exclude: [],
  when: 'on_success',
  reports: [],
};

const NEEDS = / needs /;

const parse = (sketch: string): JobSketch => {
  const [name = '', needs] = sketch.split(NEEDS);
  return needs === undefined ? { name } : { name, needs: needs.split(', ') };
};

const jobOf = (
  { name, needs, dependencies, ...sketch }: JobSketch,
  index: number,
  find: (name: string) => number,
): PlannedJob =>
  plannedJob(index, name, {
    waitsFor: needs ? needs.map((needed) => ({ job: find(needed), artifacts: true })) : 'stages',
    artifactsFrom: dependencies ? dependencies.map(find) : needs ? needs.map(find) : 'earlier-stages',
    steps: [{ name: 'script', kind: 'shell', commands: ['true'] }],
    retry: { max: 0, when: ['always'] },
    ...sketch,
  });

export const pipelineContext = (pipelineId = 'p1', owner = 'ada'): PipelineContext => ({
  pipelineId,
  project: { id: 'proj', owner, name: 'engine', url: 'https://git.example/ada/engine.git', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch', protected: false },
  sha: 'a'.repeat(40),
  message: 'Add the analytical engine',
  source: 'api',
  variables: {},
  projectVariables: [],
  secrets: [],
});
