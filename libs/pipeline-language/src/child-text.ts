/** The text of a definition that says what a child pipeline is put together from. What is given is for its one file. */
export const childText = (
  include: readonly Record<string, unknown>[],
  given: Readonly<Record<string, unknown>> = {},
): string => {
  const [file, ...others] = include;
  const isOne = file !== undefined && others.length === 0 && Object.keys(given).length > 0;
  // JSON is YAML.
  return JSON.stringify({
    include: isOne ? [{ ...file, inputs: { ...(file['inputs'] as object), ...given } }] : include,
  });
};
