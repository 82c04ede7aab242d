import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { definitionSchema } from './definition-schema.ts';
import { compileExample, problemsOfExample } from './example.fixture.ts';
import type { Json, JsonSchema } from './grammar/json-schema.ts';
import { keywordTable, type Keyword, type Told } from './keyword-table.ts';

const ajv = new Ajv({ strict: true, allowUnionTypes: true });
const schema = definitionSchema();
const whole = ajv.compile(schema);
const { filledIn } = schema['definitions'] as { filledIn: JsonSchema };

type Known = Keyword & { told: Told; name: string };
const known = keywordTable()
  .filter((keyword): keyword is Keyword & { told: Told } => keyword.told !== undefined)
  .map((keyword): Known => ({ ...keyword, name: `${keyword.of}: ${keyword.path.join('.')}` }));

const isRefused = (file: Json): boolean => 'problems' in compileExample(file);

/** The file with something else in the place of the example. */
const withValue = (
  file: Json,
  [key, ...further]: readonly string[],
  change: (map: object, key: string) => Json,
): Json => {
  if (Array.isArray(file)) return file.map((item: Json) => withValue(item, [key!, ...further], change));
  if (further.length === 0) return change(file as object, key!);
  return { ...(file as object), [key!]: withValue((file as { [key: string]: Json })[key!]!, further, change) };
};
const misspelt = (map: object, key: string): Json =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name === key ? `${name}_x` : name, value as Json]));
const mistyped = (map: object, key: string): Json => ({ ...map, [key]: [{ unheard_of: [[{}]] }] });

const EVERY_TYPE_OF_REPORT = /^artifacts\.reports\./;
const ANYTHING = /^$/;

const inJobs = known.filter(({ of, told }) => of === 'job' && !told.keysOf);
const pathOf = ({ path }: Known): string[] => ['job', ...path];

describe('The table of keywords', () => {
  it('has a description of every keyword, as a sentence', () => {
    for (const { name, told } of known)
      expect([name, told.description]).toEqual([name, expect.stringMatching(/^[A-Z`].*\.$/s)]);
  });

  it.each(known)('$name has an example that is what its schema says', ({ told: { schema, example, file } }) => {
    const check = ajv.compile({ ...schema, definitions: { filledIn } });
    expect({ ok: check(example), errors: check.errors }).toEqual({ ok: true, errors: null });
    expect({ ok: whole(file), errors: whole.errors }).toEqual({ ok: true, errors: null });
  });

  it.each(known)('$name has an example that compiles, and is acted upon as it says', ({ support, told: { file } }) => {
    expect(problemsOfExample(file)).toEqual([]);
    const result = compileExample(file);
    expect('plan' in result && result.plan.warnings.length > 0).toBe(support.kind === 'planned');
  });

  it.each(inJobs.filter(({ path }) => !EVERY_TYPE_OF_REPORT.test(path.join('.'))))(
    '$name is refused when it is misspelt',
    (keyword) => {
      const file = withValue(keyword.told.file, pathOf(keyword), misspelt);
      expect({ schema: whole(file), compiler: !isRefused(file) }).toEqual({ schema: false, compiler: false });
    },
  );

  it.each(inJobs.filter(({ path }) => !ANYTHING.test(path.join('.'))))(
    '$name is refused with a wrong type',
    (keyword) => {
      const file = withValue(keyword.told.file, pathOf(keyword), mistyped);
      expect({ schema: whole(file), compiler: !isRefused(file) }).toEqual({ schema: false, compiler: false });
    },
  );
});
