const REFERENCE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]{0,254})\}|([A-Za-z_][A-Za-z0-9_]{0,254})|(\$))/g;

/** Replaces `$NAME` and `${NAME}` by their values, once; an unknown name becomes nothing and `$$` is a dollar sign (S0-54). */
export const expandVariables = (
  text: string,
  values: Readonly<Record<string, string>> | ((name: string) => string | undefined),
): string => {
  const lookUp =
    typeof values === 'function' ? values : (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined);
  return text.replace(REFERENCE, (_all, braced?: string, plain?: string, dollar?: string) =>
    dollar ? '$' : (lookUp((braced ?? plain)!) ?? ''),
  );
};

/** The ref in lower case, at most 63 characters, everything but `a-z0-9` a hyphen: safe in URLs and keys (S0-53). */
export const slugOf = (ref: string): string =>
  ref
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
