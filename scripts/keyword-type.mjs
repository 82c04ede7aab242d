// What may stand behind a keyword, in words, from its JSON Schema.

const FILLED_IN = '#/definitions/filledIn';
const WORDS = { string: 'text', number: 'number', integer: 'whole number', object: 'map', array: 'list' };
const MANY = { text: 'texts', map: 'maps', list: 'lists' };

/** For example `text or list of maps`. */
export const typeOf = (schema) => joined(kindsOf(schema));

const joined = (kinds) => {
  const different = [...new Set(kinds)];
  return different.length < 3 ? different.join(' or ') : `${different.slice(0, -1).join(', ')} or ${different.at(-1)}`;
};

const kindsOf = (schema) => {
  if (schema.$ref === FILLED_IN || schema.type === 'null') return [];
  if (schema.title) return [schema.title];
  if (schema.anyOf) return withShortLists(schema.anyOf.flatMap(kindsOf));
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``);
  if (schema.type === 'boolean') return ['`true`', '`false`'];
  if (schema.type === 'array') return [schema.items ? listOf(kindsOf(schema.items)) : 'list'];
  if (schema.type === 'object') return [mapOf(schema)];
  // Numbers and booleans are texts, too.
  if (Array.isArray(schema.type))
    return schema.type.includes('string') ? ['text'] : schema.type.map((type) => WORDS[type]);
  return [`${WORDS[schema.type]}${rangeOf(schema)}`];
};

/** Lists in lists are laid out flat. */
const listOf = (kinds) =>
  several(
    'list',
    kinds.filter((kind) => !kind.startsWith('list')),
  );
const mapOf = ({ additionalProperties: values, properties }) =>
  several('map', values && !properties ? kindsOf(values) : []);
const several = (what, kinds) =>
  kinds.length === 0 ? what : `${what} of ${joined(kinds.map((kind) => MANY[kind] ?? kind))}`;

const rangeOf = ({ minimum, maximum }) => (minimum === undefined ? '' : ` ${minimum} … ${maximum}`);

/** A list of what may also stand alone is just a list. */
const withShortLists = (kinds) => {
  const ofThose = listOf(kinds);
  return kinds.map((kind) => (kind === ofThose ? 'list' : kind));
};
