import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import { parseAllDocuments } from 'yaml';
import { definitionSchema } from './definition-schema.ts';

const ajv = new Ajv({ strict: true, allowUnionTypes: true });
const validate = ajv.compile(definitionSchema());

/** What an editor sees: YAML with anchors followed and `!reference` taken for a list. */
const complaintsOf = (text: string, check: ValidateFunction = validate): string[] =>
  documentsOf(text).flatMap((document) =>
    check(document) ? [] : check.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`),
  );
const documentsOf = (text: string): unknown[] => {
  const documents = parseAllDocuments(text, { merge: true, logLevel: 'silent' });
  return Array.isArray(documents) ? documents.map((document): unknown => document.toJS()) : [];
};

const folder = fileURLToPath(new URL('../../../test/plans/', import.meta.url));
const textOf = (name: string): string => readFileSync(`${folder}${name}/definition.yml`, 'utf8');
const cases = readdirSync(folder);
const planned = cases.filter((name) => existsSync(`${folder}${name}/plan.json`));
const refused = cases.filter((name) => existsSync(`${folder}${name}/problems.json`));

/** Mistakes that show in the file itself, key by key. */
const VISIBLE = ['unknown-keyword', 'unsupported-keyword', 'wrong-type'];
const codesOf = (name: string): string[] => {
  const { problems } = JSON.parse(readFileSync(`${folder}${name}/problems.json`, 'utf8')) as {
    problems: { code: string }[];
  };
  return problems.map(({ code }) => code);
};

/** What no schema can know of a file, by the case that has it. */
const BEYOND: Record<string, string> = {
  'S0-flagship': 'its coverage pattern is no text in YAML; the compiler reads it as it was meant, with a warning',
  'S0-flagship-on-develop': 'the same',
};

/** Mistakes that no schema can know of, by the case that has them. */
const UNSEEN: Record<string, string> = {
  'include-remote-with-mistakes-tells-where-they-are': 'it is in the file that is included',
  'inputs-beside-jobs-in-their-document-are-refused': 'each document is looked at by itself',
  'inputs-without-an-own-document-are-refused': 'each document is looked at by itself',
  'inputs-of-a-text-are-no-number': 'what an input is filled in with is not known',
  'mistake-of-a-template-is-told-once': 'a template is not looked at by itself',
  'only-with-nothing-in-it-is-refused': 'an empty list may be a reference, and an empty map is one to merge into',
  'variables-that-are-no-map-are-refused': 'a list of texts may be a reference',
  'variables-with-a-list-are-refused': 'a list of texts may be a reference',
  'yaml-merge-of-what-is-no-map-is-refused': 'what is merged is not there any more',
};

describe('The schema of a definition', () => {
  it('is valid draft 07', () => {
    expect(ajv.validateSchema(definitionSchema())).toBe(true);
    expect(definitionSchema()['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  });

  it.each(planned.filter((name) => !(name in BEYOND)))('lets %s in', (name) => {
    expect(complaintsOf(textOf(name))).toEqual([]);
  });

  const visible = refused.filter((name) => codesOf(name).some((code) => VISIBLE.includes(code)));
  it.each(visible.filter((name) => !(name in UNSEEN)))('refuses %s', (name) => {
    expect(complaintsOf(textOf(name))).not.toEqual([]);
  });

  it.each(Object.entries(BEYOND))('complains of %s, for %s', (name) => {
    expect(complaintsOf(textOf(name))).not.toEqual([]);
  });

  it.each([
    'job: { stage: !reference [.other, stage], script: make }',
    'job: { script: make, variables: { A: !reference [.other, variables, A] } }',
    'job: { rules: [!reference [.other, rules], { when: manual }] }',
    'job: { parallel: "$[[ inputs.copies ]]", script: make }',
    'spec: { inputs: { copies: } }\n---\njob: { script: make }',
    '.template: [anything, { at: all }]',
    'job: { extends: .template, cache: }',
  ])('lets `%s` in', (text) => expect(complaintsOf(text)).toEqual([]));

  it.each(['types: [build]', 'job: make', 'job: [make]', 'default: { script: make }', 'stages: { build: }'])(
    'refuses `%s`',
    (text) => expect(complaintsOf(text)).not.toEqual([]),
  );
});
