import { join } from 'node:path';
import {
  MAX_VARIABLE_LENGTH,
  VARIABLE_SOURCES,
  VariableLimitError,
  inEnvironment,
  openLayers,
  predefinedLayer,
  variableFinder,
  variableNameProblem,
  variableResolver,
  variableSeal,
  variableTooLarge,
  type JobAssigned,
  type SealedVariable,
  type VariableLayers,
} from '@foldline/contracts';
import { Refusal, environmentOfJob, type SecretBox } from '@foldline/kernel';
import { predefinedVariables, type Surroundings } from './predefined.ts';

type Assignment = ReturnType<typeof JobAssigned>['data'];
type Values = Record<string, string>;

export type JobEnvironment = {
  variables: Values;
  /** The same with what earlier jobs have handed on. */
  variablesWith: (handedOn: Values) => Values;
  /** Values that must not appear in the log. */
  masked: string[];
  /** What the job finds in files, by their names in its directory of files. */
  files: ReadonlyMap<string, string>;
};

/** Bytes of all variables after expansion: somewhat less than what Linux lets a program be given. */
const MAX_TOTAL = 1024 * 1024;

/**
 * The variables of one job, later sources winning: predefined, the file's, the job's, those that earlier jobs have handed
 * on, the project's, the request's, and the job's secrets (S0-29, S0-48…S0-56).
 */
export const jobEnvironment = (assignment: Assignment, around: Surroundings, secretBox: SecretBox): JobEnvironment => {
  const project = openedVariables(assignment, around, secretBox);
  const secrets = openedSecrets(assignment, secretBox);
  const layers: VariableLayers = {
    ...openLayers(assignment),
    predefined: predefinedLayer(predefinedVariables(assignment, around)),
    project: { values: project.values, isData: (name) => !project.expanded.has(name) },
    secret: { values: secrets },
  };
  const variablesWith = (handedOn: Values): Values => resolveAll({ ...layers, report: { values: handedOn } });
  const variables = variablesWith({});
  const overridden = (name: string): boolean => variables[name] !== join(around.filesDirectory, name);
  return {
    variables,
    variablesWith,
    masked: [...project.masked, ...Object.values(secrets), ...project.maskedNames.map((name) => variables[name]!)],
    files: new Map([...project.files].filter(([name]) => !overridden(name))),
  };
};

const openedVariables = (assignment: Assignment, around: Surroundings, secretBox: SecretBox) => {
  const { context } = assignment;
  const place = environmentOfJob(assignment)?.name;
  const values: Values = {};
  const masked: string[] = [];
  const maskedNames: string[] = [];
  const expanded = new Set<string>();
  const files = new Map<string, string>();
  for (const variable of inEnvironment(context.projectVariables, ({ key }) => key, place)) {
    const { key } = variable;
    const clear = secretBox.open(variable.sealed, variableSeal(context.project.id, key, variable.scope));
    if (variable.masked) masked.push(clear);
    if (variable.kind === 'file') {
      values[key] = fileOf(variable, around);
      files.set(key, clear);
      continue;
    }
    values[key] = clear;
    if (variable.expand) expanded.add(key);
    // What comes of filling it in is as secret as what was written.
    if (variable.expand && variable.masked) maskedNames.push(key);
  }
  return { values, masked, maskedNames, expanded, files };
};

/** The name of a variable becomes that of a file. */
const fileOf = ({ key }: SealedVariable, { filesDirectory }: Surroundings): string => {
  if (variableNameProblem(key)) throw new Refusal('variable_invalid', 'a variable of the project has no usable name');
  return join(filesDirectory, key);
};

const openedSecrets = ({ context, job }: Assignment, secretBox: SecretBox): Values =>
  Object.fromEntries(
    Object.entries(job.secrets).map(([name, { vault }]) => {
      const found = context.secrets.find(({ path }) => path === vault);
      if (!found) throw new Refusal('secret_not_found', `the project’s vault has no secret "${vault}" (for ${name})`);
      return [name, secretBox.open(found.sealed, `project:${context.project.id}:secret:${vault}`)];
    }),
  );

const resolveAll = (layers: VariableLayers): Values => {
  const names = new Set(VARIABLE_SOURCES.flatMap((source) => Object.keys(layers[source]?.values ?? {})));
  const resolve = variableResolver(variableFinder(layers));
  try {
    return checked(Object.fromEntries([...names].map((name) => [name, resolve(name)!])));
  } catch (error) {
    throw error instanceof VariableLimitError ? new Refusal('variable_too_large', error.message) : error;
  }
};

/** No program can be started with more, or with what ends a text early. */
const checked = (variables: Values): Values => {
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
