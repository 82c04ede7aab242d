import { openLayers } from './job-variables.ts';
import type { PlannedTrigger } from './plan.ts';
import { variableFinder, type FindVariable } from './variable-sources.ts';
import { expandVariables, VariableLimitError, variableResolver, type VariableText } from './variables.ts';

/** How many pipelines there may be below one that nobody triggered, and how many below one another. */
export const DOWNSTREAM_LIMITS = { pipelines: 1_000, depth: 5 } as const;

/** What each of `count` pipelines may start in turn where `budget` may be started in all, those themselves included. */
export const budgetOfEach = (budget: number, count: number): number =>
  Math.max(0, Math.floor((budget - count) / count));

/**
 * The variables that a job hands on to the pipeline that it starts. They are filled in as far as everybody may see them:
 * what names a variable of the project goes as it is written, and means that project's own where it arrives.
 */
export const handedOn = (
  described: Parameters<typeof openLayers>[0],
  { yamlVariables, pipelineVariables }: PlannedTrigger['forward'],
): Record<string, string> => {
  const { file, job, ...others } = openLayers(described);
  const resolve = variableResolver(lasting(variableFinder({ ...others, ...(file && { file }), ...(job && { job }) })));
  const written = variableFinder({ ...(file && { file }), ...(job && { job }) });
  const names = yamlVariables ? Object.keys({ ...file?.values, ...job?.values }) : [];
  return {
    ...Object.fromEntries(names.map((name) => [name, filled(written(name)!, resolve)])),
    ...(pipelineVariables ? described.context.variables : {}),
  };
};

/** One that grows beyond all bounds goes as it is: the jobs that get it fail by it, and say why. */
const filled = ({ text, isData }: VariableText, resolve: (name: string) => string | undefined): string => {
  if (isData) return doubled(text);
  try {
    return expandVariables(kept(text), resolve);
  } catch (error) {
    if (error instanceof VariableLimitError) return text;
    throw error;
  }
};

/** Values in the form in which people write them, to be filled in once more: what is not known stays a name. */
const lasting =
  (find: FindVariable) =>
  (name: string): VariableText => {
    const found = find(name);
    if (!found) return { text: `\${${name}}`, isData: true };
    return found.isData ? { text: doubled(found.text), isData: true } : { text: kept(found.text), isData: false };
  };

/** A dollar sign that is none of a name's. */
const doubled = (text: string): string => text.replaceAll('$', () => '$$');
const kept = (text: string): string => text.replaceAll('$$', () => '$$$$');

/** Whether jobs of the project `caller` (`owner/name`) may start pipelines of another one, and include its files. */
export const mayCall = (
  { owner, name, callers = [] }: { owner: string; name: string; callers?: readonly string[] | undefined },
  caller: string,
): boolean => {
  const asking = caller.toLowerCase();
  const allowed = [`${owner}/${name}`, ...callers].map((each) => each.toLowerCase());
  return allowed.includes(asking) || allowed.includes(`${asking.split('/')[0]}/*`);
};
