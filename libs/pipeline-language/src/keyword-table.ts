import type { Json, JsonSchema } from './grammar/json-schema.ts';
import { record, type AnyKeys, type Field, type Gap } from './grammar/record.ts';
import type { Inner } from './grammar/shape.ts';
import { fileFields, refusedAtTop } from './keywords/file-keywords.ts';
import { job } from './keywords/job-keywords.ts';
import { headerFields } from './keywords/spec.ts';

export type Support =
  { kind: 'works' } | { kind: 'partly'; why: string } | ({ kind: 'planned' } & Gap) | { kind: 'refused'; why: string };

/** What is known of a keyword that may be written. */
export type Told = {
  schema: JsonSchema;
  description: string;
  default?: Json;
  example: Json;
  /** The smallest file with the example. */
  file: Json;
  /** Where its own keys were told already. */
  keysOf?: readonly string[];
};

/** `path` leads from the file or from a job to the keyword; `NAME` in it is a word of the author. */
export type Keyword = { of: 'file' | 'job'; path: readonly string[]; support: Support; told?: Told };

/** Where keys stand, and the smallest file in which they do. */
type Place = {
  of: Keyword['of'];
  path: readonly string[];
  gap?: Gap;
  put: (keys: { [key: string]: Json }) => Json;
};

/** By which keyword the keys of a map are told. */
type Known = Map<object, Pick<Keyword, 'of' | 'path'>>;

/** Every keyword of the language, those of jobs first; those that are known and refused, too. */
export const keywordTable = (): Keyword[] => {
  const known: Known = new Map();
  const [jobs] = job.inner!;
  const [file] = record({ ...headerFields, ...fileFields }, { refused: refusedAtTop }).inner!;
  return [
    ...keywordsIn(jobs!.keys, { of: 'job', path: [], put: jobWith }, known),
    ...keywordsIn(file!.keys, { of: 'file', path: [], put: (keys) => ({ ...keys, job: { script: 'make' } }) }, known),
  ];
};

const keywordsIn = (keys: AnyKeys, place: Place, known: Known): Keyword[] => {
  // Before anything below, so that keys are told where they are the least deep.
  for (const [key, { shape }] of Object.entries(keys.fields))
    for (const { keys: below } of shape.inner ?? [])
      if (!known.has(below.fields)) known.set(below.fields, { of: place.of, path: [...place.path, key] });
  return [...keywordsThatMayBe(keys, place, known), ...keywordsThatMayNot(keys, place)];
};

const keywordsThatMayBe = ({ fields }: AnyKeys, place: Place, known: Known): Keyword[] =>
  Object.entries(fields).flatMap(([key, field]) => keywordsOf(key, field, place, known));

const keywordsThatMayNot = ({ refused }: AnyKeys, { of, path }: Place): Keyword[] =>
  Object.entries(refused).map(([key, why]) => ({ of, path: [...path, key], support: { kind: 'refused', why } }));

const keywordsOf = (
  key: string,
  field: Field<unknown>,
  { of, path: above, gap: gapAbove, put }: Place,
  known: Known,
): Keyword[] => {
  const { shape, description, default: standard, example, beside, limit, planned: gap = gapAbove } = field;
  const path = [...above, key];
  const putValue = (value: Json): Json => put({ ...beside, [key]: value });
  const inner = shape.inner ?? [];
  const keysOf = inner
    .map(({ keys }) => known.get(keys.fields)!)
    .find((place) => place.of !== of || place.path.join() !== path.join())?.path;
  const own: Keyword = {
    of,
    path,
    support: supportOf(gap, limit),
    told: {
      schema: shape.schema,
      description,
      ...(standard !== undefined && { default: standard }),
      example,
      file: putValue(example),
      ...(keysOf && { keysOf }),
    },
  };
  if (keysOf) return [own];
  return [
    own,
    ...inner.flatMap(({ keys, within }) =>
      keywordsIn(
        keys,
        {
          of,
          path: within === 'name' ? [...path, NAME] : path,
          ...(gap && { gap }),
          put: (map) => putValue(wrapped(map, within)),
        },
        known,
      ),
    ),
  ];
};

/** A job of which a script is not the point has none. */
const jobWith: Place['put'] = (keys) => ({
  job: 'trigger' in keys || 'run' in keys ? keys : { script: 'make', ...keys },
});

const supportOf = (gap: Gap | undefined, limit: string | undefined): Support => {
  if (gap) return { kind: 'planned', ...gap };
  return limit === undefined ? { kind: 'works' } : { kind: 'partly', why: limit };
};

const NAME = 'NAME';

const wrapped = (map: Json, within: Inner['within']): Json => {
  if (within === 'item') return [map];
  return within === 'name' ? { [NAME]: map } : map;
};
