// A setting as a row of docs/running.md, from its schema and description.

const asText = (value) => {
  if (!Array.isArray(value)) return `\`${value}\``;
  return `\`${value.map(({ id, power, slots }) => `${id}:${power}:${slots}`).join(',')}\``;
};

const defaultOf = (schema, meaning) => {
  const { success, data } = schema.safeParse(undefined);
  if (!success || data === undefined) return '—';
  return meaning.endsWith('this host’s by default.') ? 'of this host' : asText(data);
};

/** Name, default and meaning of each setting. */
export const settingsRows = (settings) =>
  Object.entries(settings).map(([name, schema]) => {
    const meaning = schema.description ?? '';
    return [`\`${name}\``, defaultOf(schema, meaning), meaning.replaceAll('|', '\\|')];
  });
