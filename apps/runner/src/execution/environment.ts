import { expandVariables, slugOf, type JobAssigned } from '@foldline/contracts';
import { Refusal, type SecretBox } from '@foldline/kernel';

type Assignment = ReturnType<typeof JobAssigned>['data'];
export type JobEnvironment = {
  variables: Record<string, string>;
  /** Values that must not appear in the log. */
  masked: string[];
};

/** Bytes of one value and of all after expansion: somewhat less than what Linux lets a program be given. */
const MAX_VALUE = 64 * 1024;
const MAX_TOTAL = 1024 * 1024;
/** How many variables may name one another in a row. */
const MAX_NESTING = 100;
const MAX_MESSAGE = 16 * 1024;
/** Predefined ones that the definition's author wrote. All others are data: a commit's message must not name a secret. */
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
  const asTheyAre = new Set([
    ...Object.keys(predefined).filter((key) => values[key] === predefined[key] && !WRITTEN_BY_AUTHOR.has(key)),
    ...Object.keys(project).filter((key) => !Object.hasOwn(context.variables, key)),
    ...Object.keys(secrets),
  ]);
  return { variables: checked(resolveAll(values, asTheyAre)), masked };
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
    if (underway.size >= MAX_NESTING)
      throw new Refusal('variable_too_large', `the variable ${name} is behind more than ${MAX_NESTING} others`);
    underway.add(name);
    let grown = 0;
    const expanded = expandVariables(value, (inner) => {
      const text = resolve(inner);
      grown += text?.length ?? 0;
      // Before it is put together: a few variables that double one another would not fit into memory.
      if (grown > MAX_VALUE) throw tooLarge(name);
      return text;
    });
    underway.delete(name);
    resolved.set(name, expanded);
    return expanded;
  };
  return Object.fromEntries(Object.keys(values).map((name) => [name, resolve(name)!]));
};

/** No program can be started with more, or with what ends a text early. */
const checked = (variables: Record<string, string>): Record<string, string> => {
  let total = 0;
  for (const [name, value] of Object.entries(variables)) {
    const bytes = Buffer.byteLength(value);
    if (bytes > MAX_VALUE) throw tooLarge(name);
    if (value.includes('\0')) throw new Refusal('variable_invalid', `the variable ${name} has a NUL in it`);
    total += Buffer.byteLength(name) + bytes + 2;
  }
  if (total > MAX_TOTAL)
    throw new Refusal('variable_too_large', `the variables have ${total} bytes; at most ${MAX_TOTAL} are allowed`);
  return variables;
};

const tooLarge = (name: string): Refusal =>
  new Refusal('variable_too_large', `the variable ${name} has more than ${MAX_VALUE} bytes once it is expanded`);

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
    CI_COMMIT_MESSAGE: context.message.slice(0, MAX_MESSAGE),
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
