const REFERENCE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]{0,254})\}|([A-Za-z_][A-Za-z0-9_]{0,254})|(\$))/g;

/**
 * Replaces `$NAME` and `${NAME}` by their values, once; an unknown name becomes nothing and `$$` is a dollar sign (S0-54).
 * A function is told how the name was written, too.
 */
export const expandVariables = (
  text: string,
  values: Readonly<Record<string, string>> | ((name: string, written: string) => string | undefined),
): string => {
  const lookUp =
    typeof values === 'function' ? values : (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined);
  return text.replace(REFERENCE, (all: string, braced?: string, plain?: string, dollar?: string) =>
    dollar ? '$' : (lookUp((braced ?? plain)!, all) ?? ''),
  );
};

/** Characters of a value once it is filled in: somewhat less than what Linux lets a program be given. */
export const MAX_VARIABLE_LENGTH = 64 * 1024;
/** How many variables may name one another in a row. */
const MAX_NESTING = 100;

/** A variable that cannot be filled in. */
export class VariableLimitError extends Error {}

/** A variable as it was set. `isData` is never filled in: a commit's message must not name a secret. */
export type VariableText = { text: string; isData: boolean };

/**
 * Looks up variables by name whose values may name other variables; each is worked out once, and one that names itself,
 * however indirectly, gets its own text there. Throws `VariableLimitError`.
 */
export const variableResolver = (
  find: (name: string) => VariableText | undefined,
): ((name: string) => string | undefined) => {
  const resolved = new Map<string, string>();
  const underway = new Set<string>();
  const resolve = (name: string): string | undefined => {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const found = find(name);
    if (!found || found.isData || underway.has(name) || !found.text.includes('$')) return found?.text;
    if (underway.size >= MAX_NESTING)
      throw new VariableLimitError(`the variable ${name} is behind more than ${MAX_NESTING} others`);
    underway.add(name);
    let grown = 0;
    const expanded = expandVariables(found.text, (inner) => {
      const text = resolve(inner);
      grown += text?.length ?? 0;
      // Before it is put together: a few variables that double one another would not fit into memory.
      if (grown > MAX_VARIABLE_LENGTH) throw variableTooLarge(name);
      return text;
    });
    underway.delete(name);
    resolved.set(name, expanded);
    return expanded;
  };
  return resolve;
};

export const variableTooLarge = (name: string): VariableLimitError =>
  new VariableLimitError(`the variable ${name} has more than ${MAX_VARIABLE_LENGTH} bytes once it is expanded`);

/** The ref in lower case, at most 63 characters, everything but `a-z0-9` a hyphen: safe in URLs and keys (S0-53). */
export const slugOf = (ref: string): string =>
  ref
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
