import {
  MAX_VARIABLE_LENGTH,
  VariableLimitError,
  pipelineFactVariables,
  variableResolver,
  variableTooLarge,
  type JobAssigned,
} from '@foldline/contracts';
import { Refusal, type SecretBox } from '@foldline/kernel';

type Assignment = ReturnType<typeof JobAssigned>['data'];
export type JobEnvironment = {
  variables: Record<string, string>;
  /** Values that must not appear in the log. */
  masked: string[];
};

/** Bytes of all variables after expansion: somewhat less than what Linux lets a program be given. */
const MAX_TOTAL = 1024 * 1024;
/** Predefined ones that the definition's author wrote. */
const WRITTEN_BY_AUTHOR = new Set(['CI_ENVIRONMENT_NAME', 'CI_ENVIRONMENT_URL']);

/**
 * The variables of one job, later sources winning: predefined, the file's, the job's, the project's, the request's, and
 * the job's secrets (S0-29, S0-48…S0-56).
 */
export const jobEnvironment = (assignment: Assignment, workspace: string, secretBox: SecretBox): JobEnvironment => {
  const { context, job } = assignment;
  const masked: string[] = [];
  const open = (sealed: string, context: string, mask: boolean): string => {
    const clear = secretBox.open(sealed, context);
    if (mask) masked.push(clear);
    return clear;
  };
  const project = Object.fromEntries(
    context.projectVariables.map(({ key, sealed, masked: mask }) => [
      key,
      open(sealed, `project:${context.project.id}:variable:${key}`, mask),
    ]),
  );
  const secrets = Object.fromEntries(
    Object.entries(job.secrets).map(([name, { vault }]) => {
      const found = context.secrets.find(({ path }) => path === vault);
      if (!found) throw new Refusal('secret_not_found', `the project’s vault has no secret "${vault}" (for ${name})`);
      return [name, open(found.sealed, `project:${context.project.id}:secret:${vault}`, true)];
    }),
  );
  const predefined = predefinedVariables(assignment, workspace);
  const written = { ...predefined, ...assignment.pipelineVariables, ...job.variables };
  const values: Record<string, string> = { ...written, ...project, ...context.variables, ...secrets };
  const data = new Set([
    ...Object.keys(predefined).filter((key) => values[key] === predefined[key] && !WRITTEN_BY_AUTHOR.has(key)),
    ...Object.keys(project).filter((key) => !Object.hasOwn(context.variables, key)),
    ...Object.keys(secrets),
  ]);
  return { variables: resolveAll(values, data), masked };
};

/** Values that people wrote into the definition or the request may name other variables; all others are data. */
const resolveAll = (values: Record<string, string>, data: ReadonlySet<string>): Record<string, string> => {
  const resolve = variableResolver((name) =>
    Object.hasOwn(values, name) ? { text: values[name]!, isData: data.has(name) } : undefined,
  );
  try {
    return checked(Object.fromEntries(Object.keys(values).map((name) => [name, resolve(name)!])));
  } catch (error) {
    throw error instanceof VariableLimitError ? new Refusal('variable_too_large', error.message) : error;
  }
};

/** No program can be started with more, or with what ends a text early. */
const checked = (variables: Record<string, string>): Record<string, string> => {
  let total = 0;
  for (const [name, value] of Object.entries(variables)) {
    const bytes = Buffer.byteLength(value);
    if (bytes > MAX_VARIABLE_LENGTH) throw variableTooLarge(name);
    if (value.includes('\0')) throw new Refusal('variable_invalid', `the variable ${name} has a NUL in it`);
    total += Buffer.byteLength(name) + bytes + 2;
  }
  if (total > MAX_TOTAL)
    throw new Refusal('variable_too_large', `the variables have ${total} bytes; at most ${MAX_TOTAL} are allowed`);
  return variables;
};

const predefinedVariables = (
  { context, job, jobId, cluster, attempt }: Assignment,
  workspace: string,
): Record<string, string> => {
  const variables: Record<string, string> = {
    ...pipelineFactVariables(context),
    CI_PROJECT_DIR: workspace,
    CI_JOB_ID: jobId,
    CI_JOB_NAME: job.name,
    CI_JOB_ATTEMPT: String(attempt),
    CI_JOB_STAGE: job.stage,
    CI_STAGE: job.stage,
    CI_CLUSTER_ID: cluster.id,
    CI_CLUSTER_POWER: cluster.power,
    CI_NODE_INDEX: String((job.node?.index ?? 0) + (job.node?.first ?? 0)),
    CI_NODE_TOTAL: String(job.node?.total ?? 1),
    CI_NODE_NUMBER: String((job.node?.index ?? 0) + 1),
  };
  if (job.environment) variables['CI_ENVIRONMENT_NAME'] = job.environment.name;
  if (job.environment?.url) variables['CI_ENVIRONMENT_URL'] = job.environment.url;
  return variables;
};
