import type { PipelineContext, Plan, Severity } from '@foldline/contracts';
import type { CompileResult } from './compile.ts';

/**
 * The plan of a compiled definition. One none of whose jobs is meant for the trigger is no mistake: it has a plan without
 * jobs, whose decisions say why, and a warning of it. Nothing when the definition is refused, or when a job has asked for jobs that there are
 * not (as in GitLab).
 */
export const plannedFrom = (
  file: string,
  result: CompileResult,
  { upstream }: Pick<PipelineContext, 'upstream'> = {},
): Plan | undefined => {
  if ('plan' in result) return result.plan;
  if (upstream) return undefined;
  const { problems, decisions } = result;
  const isRefused = problems.some(({ severity, code }) => severity === 'error' && code !== 'no-jobs');
  // Templates have decisions too, but no trigger makes them run.
  if (isRefused || decisions.every(({ rule }) => rule === 'template')) return undefined;
  const warnings = problems.map((problem) => ({ ...problem, severity: belowError(problem.severity) }));
  return { version: 1, file, stages: [], variables: {}, jobs: [], warnings, decisions };
};

const belowError = (severity: Severity): Severity => (severity === 'error' ? 'warning' : severity);
