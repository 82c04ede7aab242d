import { openLayers } from './job-variables.ts';
import type { PlannedTrigger } from './plan.ts';
import { variableFinder } from './variable-sources.ts';
import { expandVariables, VariableLimitError, variableResolver, type VariableText } from './variables.ts';

/** How many pipelines there may be below one that nobody triggered, and how many below one another. */
export const DOWNSTREAM_LIMITS = { pipelines: 1_000, depth: 5 } as const;

/** What each of `count` pipelines may start in turn where `budget` may be started in all, those themselves included. */
export const budgetOfEach = (budget: number, count: number): number =>
  Math.max(0, Math.floor((budget - count) / count));

/**
 * The variables that a job hands on to the pipeline that it starts. They are filled in as far as everybody may see them,
 * and arrive as data: what the other pipeline calls by a name is not what was meant here. Only in a child, where it is
 * the same, a variable of the project goes as its name, so that its value is in no event.
 */
export const handedOn = (
  described: Parameters<typeof openLayers>[0],
  { of, forward: { yamlVariables, pipelineVariables } }: Pick<PlannedTrigger, 'of' | 'forward'>,
): Record<string, string> => {
  const { variables, projectVariables } = described.context;
  const { file, job, ...others } = openLayers(described);
  const isChild = of.kind === 'child';
  const ofProject = new Set(isChild ? projectVariables.map(({ key }) => key) : []);
  const find = variableFinder({ ...others, ...(file && { file }), ...(job && { job }) });
  const resolve = variableResolver((name) => find(name) ?? (ofProject.has(name) ? reference(name) : undefined));
  const filled = (given: VariableText): string => arriving(given, { resolve, ofProject, isChild });
  const written = variableFinder({ ...(file && { file }), ...(job && { job }) });
  const names = yamlVariables ? Object.keys({ ...file?.values, ...job?.values }) : [];
  return {
    ...Object.fromEntries(
      names
        .map((name) => [name, written(name)!] as const)
        .filter(([name, { text }]) => !(ofProject.has(name) && isReference(text, name)))
        .map(([name, given]) => [name, filled(given)]),
    ),
    ...(pipelineVariables ? (isChild ? variables : eachFilled(variables, filled)) : {}),
  };
};

const eachFilled = (
  variables: Readonly<Record<string, string>>,
  filled: (given: VariableText) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, filled({ text, isData: false })]));

type Destination = {
  resolve: (name: string) => string | undefined;
  /** Variables of the project that mean the same there. */
  ofProject: ReadonlySet<string>;
  isChild: boolean;
};

/**
 * The value in the form in which people write one, to be filled in once more. One that grows beyond all bounds goes as
 * it is: the jobs of a child that get it fail by it, and say why; in another project it would name what is not ours.
 */
const arriving = ({ text, isData }: VariableText, { resolve, ofProject, isChild }: Destination): string => {
  if (isData) return doubled(text);
  try {
    const value = doubled(expandVariables(text, resolve));
    return value.replaceAll(REFERENCE, (all, name: string) => (ofProject.has(name) ? `\${${name}}` : all));
  } catch (error) {
    if (error instanceof VariableLimitError) return isChild ? text : doubled(text);
    throw error;
  }
};

/** A name that stays one: it is told from dollar signs of values by what no value has in it. */
const reference = (name: string): VariableText => ({ text: `\0${name}\0`, isData: true });
const REFERENCE = /\0(\w+)\0/g;

const isReference = (text: string, name: string): boolean => text === `$${name}` || text === `\${${name}}`;

/** No dollar sign of it is a name's. */
const doubled = (text: string): string => text.replaceAll('$', () => '$$');

/** Whether jobs of the project `caller` (`owner/name`) may start pipelines of another one, and include its files. */
export const mayCall = (
  { owner, name, callers = [] }: { owner: string; name: string; callers?: readonly string[] | undefined },
  caller: string,
): boolean => {
  const asking = caller.toLowerCase();
  const allowed = [`${owner}/${name}`, ...callers].map((each) => each.toLowerCase());
  return allowed.includes(asking) || allowed.includes(`${asking.split('/')[0]}/*`);
};
