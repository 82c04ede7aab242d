import type { Json, JsonSchema } from './grammar/json-schema.ts';
import { record } from './grammar/record.ts';
import { fileFields } from './keywords/file-keywords.ts';
import { job } from './keywords/job-keywords.ts';
import { headerFields } from './keywords/spec.ts';

/** A definition as JSON Schema, for editors: what each keyword is, and what may stand behind it. */
export const definitionSchema = (): JsonSchema => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'urn:foldline:pipeline',
  title: 'A pipeline of Foldline',
  type: 'object',
  properties: {
    ...(referringToJobs(record(fileFields).schema['properties']!) as object),
    spec: { anyOf: [headerFields.spec.shape.schema, { $ref: '#/definitions/job' }] },
  },
  patternProperties: {
    '^\\.': {
      description: 'A template: never a job by itself. It may hold anything.',
      anyOf: [{ $ref: '#/definitions/job' }, {}],
    },
  },
  additionalProperties: { $ref: '#/definitions/job' },
  definitions: { job: { description: 'A job.', ...job.schema }, filledIn },
});

/** What the author's file says in another place. A description here would be shown in the place of the keyword's. */
const filledIn: JsonSchema = {
  anyOf: [
    { $comment: '!reference [job, keyword]', type: 'array', items: { type: 'string' }, minItems: 2 },
    { $comment: '$[[ inputs.name ]]', type: 'string', pattern: '\\$\\[\\[' },
  ],
};

const keywordsOfJobs = job.schema['properties'] as JsonSchema;

/** Keywords that are the same in a job are said once. */
const referringToJobs = (json: Json, key = ''): Json => {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item: Json) => referringToJobs(item));
  if (JSON.stringify(json) === JSON.stringify(keywordsOfJobs[key]))
    return { $ref: `#/definitions/job/properties/${key}` };
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, referringToJobs(value, name)]));
};
