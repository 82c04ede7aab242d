import { EVERYWHERE, VariableSet } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';

type Variable = ReturnType<typeof VariableSet>['data'];
/** The variables of a project by key and scope. */
export type ProjectVariables = Map<string, Variable>;
/** A variable by its key; by its scope as well where there are several of the key. */
export type Asked = { key: string; scope?: string | undefined };

/** Traits that are left out stay as they are; `false` and `*` take one back. */
export type VariableChange = { projectId: string } & Asked & {
    sealed: string;
    protected?: boolean | undefined;
    masked?: boolean | undefined;
    expand?: boolean | undefined;
    file?: boolean | undefined;
    description?: string | undefined;
    /** Why the new value cannot be masked. */
    maskProblem?: string | undefined;
  };

/** No key has a line break in it. */
export const variableId = (key: string, scope: string = EVERYWHERE): string => `${key}\n${scope}`;

/** The variable that is meant. Refuses one that is not there, and a key that several have. */
export const oneVariable = ({ key, scope }: Asked, variables: ProjectVariables): Variable => {
  const ofKey = [...variables.values()].filter((variable) => variable.key === key);
  const found = scope === undefined ? ofKey : ofKey.filter((variable) => (variable.scope ?? EVERYWHERE) === scope);
  const [only, another] = found;
  const named = scope === undefined ? key : `${key} for the environments ${scope}`;
  if (!only) throw new Refusal('not_found', `the project has no variable ${named}`);
  if (!another) return only;
  const scopes = found.map((variable) => variable.scope ?? EVERYWHERE).join(', ');
  throw new Refusal('several_variables', `there are several variables ${key}, for the environments ${scopes}`);
};

/** The variable with its new value. What is hidden stays masked. */
export const changed = (change: VariableChange, variables: ProjectVariables): ReturnType<typeof VariableSet> => {
  const before = oneVariable(change, variables);
  const { kind, expand, description, ...rest } = before;
  const masked = change.masked ?? before.masked;
  if (before.hidden && !masked) {
    const message = 'a hidden variable stays masked; remove it and set it anew';
    throw new Refusal('invalid_variable', message, { errors: [{ pointer: '/masked', message }] });
  }
  if (masked && change.maskProblem !== undefined) throw notMaskable(change.maskProblem);
  const told = change.description ?? description;
  return VariableSet({
    ...rest,
    sealed: change.sealed,
    protected: change.protected ?? before.protected,
    masked,
    ...((change.file ?? kind === 'file') && { kind: 'file' }),
    ...((change.expand ?? expand) && { expand: true }),
    ...(told ? { description: told } : {}),
  });
};

export const notMaskable = (message: string): Refusal =>
  new Refusal('not_maskable', message, { errors: [{ pointer: '/value', message }] });
