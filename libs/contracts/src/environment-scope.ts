/** The scope of a variable that is for every job, with an environment or without. */
export const EVERYWHERE = '*';

/** `*` stands for any characters; everything else for itself. */
const covers = (scope: string, environment: string): boolean => {
  const [first = '', ...rest] = scope.split('*');
  const last = rest.pop();
  if (last === undefined) return scope === environment;
  if (environment.length < first.length + last.length) return false;
  if (!environment.startsWith(first) || !environment.endsWith(last)) return false;
  const end = environment.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = environment.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
};

/** The larger, the closer a scope is to one environment: its name itself, then the longer pattern, `*` last. */
const closeness = (scope: string): number => (scope.includes('*') ? scope.length : Infinity);

/**
 * Of variables with scopes those that a job of this environment has, one of each name: the one whose scope is closest. A
 * job without an environment has those of the scope `*`.
 */
export const inEnvironment = <Variable extends { scope?: string }>(
  variables: readonly Variable[],
  nameOf: (variable: Variable) => string,
  environment: string | undefined,
): Variable[] => {
  const closest = new Map<string, Variable>();
  for (const variable of variables) {
    const { scope = EVERYWHERE } = variable;
    const known = closest.get(nameOf(variable));
    if (scope !== EVERYWHERE && (environment === undefined || !covers(scope, environment))) continue;
    if (!known || closeness(scope) > closeness(known.scope ?? EVERYWHERE)) closest.set(nameOf(variable), variable);
  }
  return [...closest.values()];
};

/** What the value of a project's variable is sealed for: it opens nowhere else. */
export const variableSeal = (projectId: string, key: string, scope: string = EVERYWHERE): string =>
  `project:${projectId}:variable:${key}${scope === EVERYWHERE ? '' : `@${scope}`}`;
