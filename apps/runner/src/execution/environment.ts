import { expandVariables, slugOf, type JobAssigned } from '@foldline/contracts';
import { Refusal, type SecretBox } from '@foldline/kernel';

type Assignment = ReturnType<typeof JobAssigned>['data'];
export type JobEnvironment = {
  variables: Record<string, string>;
  /** Values that must not appear in the log. */
  masked: string[];
};

/** Longest value after expansion: what one program can be given in its environment. */
const MAX_VALUE = 64 * 1024;

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
  const written = { ...predefinedVariables(assignment, workspace), ...assignment.pipelineVariables, ...job.variables };
  const secretNames = new Set([
    ...Object.keys(project).filter((key) => !Object.hasOwn(context.variables, key)),
    ...Object.keys(secrets),
  ]);
  return { variables: resolveAll({ ...written, ...project, ...context.variables, ...secrets }, secretNames), masked };
};

/**
 * Values that people wrote into the definition or the request may name other variables; those of the project and the
 * vault are taken as they are. A variable that names itself, however indirectly, gets its own text there.
 */
const resolveAll = (values: Record<string, string>, asTheyAre: ReadonlySet<string>): Record<string, string> => {
  const resolved = new Map<string, string>();
  const underway = new Set<string>();
  const resolve = (name: string): string | undefined => {
    if (!Object.hasOwn(values, name)) return undefined;
    const value = values[name]!;
    if (asTheyAre.has(name) || underway.has(name) || !value.includes('$')) return value;
    const known = resolved.get(name);
    if (known !== undefined) return known;
    underway.add(name);
    const expanded = expandVariables(value, resolve);
    underway.delete(name);
    if (expanded.length > MAX_VALUE)
      throw new Refusal(
        'variable_too_large',
        `the variable ${name} grows past ${MAX_VALUE} characters when it is expanded`,
      );
    resolved.set(name, expanded);
    return expanded;
  };
  return Object.fromEntries(Object.keys(values).map((name) => [name, resolve(name)!]));
};

const predefinedVariables = (
  { context, job, jobId, cluster, attempt }: Assignment,
  workspace: string,
): Record<string, string> => {
  const { ref, project, sha } = context;
  const variables: Record<string, string> = {
    CI: 'true',
    FOLDLINE: 'true',
    CI_COMMIT_SHA: sha,
    CI_COMMIT_SHORT_SHA: sha.slice(0, 8),
    CI_COMMIT_REF_NAME: ref.name,
    CI_COMMIT_REF_SLUG: slugOf(ref.name),
    CI_COMMIT_REF_PROTECTED: String(ref.protected),
    CI_COMMIT_MESSAGE: context.message,
    CI_DEFAULT_BRANCH: project.defaultBranch,
    CI_PROJECT_ID: project.id,
    CI_PROJECT_NAME: project.name,
    CI_PROJECT_OWNER: project.owner,
    CI_PROJECT_DIR: workspace,
    CI_PIPELINE_ID: context.pipelineId,
    CI_PIPELINE_SOURCE: context.source,
    CI_JOB_ID: jobId,
    CI_JOB_NAME: job.name,
    CI_JOB_ATTEMPT: String(attempt),
    CI_JOB_STAGE: job.stage,
    CI_STAGE: job.stage,
    CI_CLUSTER_ID: cluster.id,
    CI_CLUSTER_POWER: cluster.power,
    CI_NODE_INDEX: String(job.node?.index ?? 0),
    CI_NODE_TOTAL: String(job.node?.total ?? 1),
    CI_NODE_NUMBER: String((job.node?.index ?? 0) + 1),
  };
  if (ref.kind === 'tag') variables['CI_COMMIT_TAG'] = ref.name;
  if (ref.kind === 'branch') variables['CI_COMMIT_BRANCH'] = ref.name;
  if (job.environment) variables['CI_ENVIRONMENT_NAME'] = job.environment.name;
  if (job.environment?.url) variables['CI_ENVIRONMENT_URL'] = job.environment.url;
  return variables;
};
