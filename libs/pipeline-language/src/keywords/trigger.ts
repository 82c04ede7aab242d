import { TEXT } from '../grammar/json-schema.ts';
import { record, type Field } from '../grammar/record.ts';
import { choice, orMap, shape, text } from '../grammar/shape.ts';
import { anything } from './anything.ts';

const beside = { project: 'acme/library' };

/** `trigger:` of a job that starts another pipeline instead of running a script. */
export const trigger: Field<unknown> = {
  shape: orMap<unknown>(
    shape(text.read, TEXT),
    record({
      include: {
        shape: anything,
        description: 'The definition of a child pipeline.',
        example: 'ci/child.yml',
      },
      project: { shape: text, description: 'The project whose pipeline is started.', example: 'acme/library' },
      branch: { shape: text, description: 'The branch of that project.', example: 'main', beside },
      strategy: {
        shape: choice(['depend', 'mirror']),
        description: 'Whether the job waits for the pipeline, and ends as it does.',
        example: 'depend',
        beside,
      },
      forward: {
        shape: record({
          yaml_variables: {
            shape: shape(() => true, { type: 'boolean' }),
            description: 'Those of the job.',
            default: true,
            example: true,
          },
          pipeline_variables: {
            shape: shape(() => true, { type: 'boolean' }),
            description: 'Those of the request.',
            default: false,
            example: true,
          },
        }),
        description: 'Which variables the pipeline gets.',
        example: { pipeline_variables: true },
        beside,
      },
      inputs: { shape: anything, description: 'Inputs of the pipeline.', example: { level: 'full' }, beside },
    }),
  ),
  description: 'Another pipeline that the job starts, instead of running a script.',
  example: { include: 'ci/child.yml', strategy: 'depend' },
  planned: { why: 'no pipeline starts another one yet', stops: true },
};
