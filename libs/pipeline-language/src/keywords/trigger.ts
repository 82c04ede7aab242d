import { record, type Field } from '../grammar/record.ts';
import { boolean, choice, oneOrMore, orMap, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { anything } from './anything.ts';

const beside = { project: 'acme/library' };

const place = { project: 'acme/library', file: 'ci/child.yml' };

/** Where the definition of a child pipeline is. */
const included = record<{
  local: string;
  project: string;
  file: unknown;
  ref: string;
  artifact: string;
  job: string;
  template: string;
  remote: string;
  component: string;
  inputs: unknown;
}>({
  local: { shape: text, description: 'A file of this repository.', example: 'ci/child.yml' },
  project: { shape: text, description: 'Another project.', example: 'acme/library', beside: place },
  file: { shape: texts, description: 'A file of that project.', example: 'ci/child.yml', beside: place },
  ref: { shape: text, description: 'The ref of that project.', example: 'main', beside: place },
  artifact: {
    shape: text,
    description: 'A file that a job of this pipeline made.',
    example: 'child.yml',
    beside: { job: 'build' },
  },
  job: { shape: text, description: 'The job that made it.', example: 'build', beside: { artifact: 'child.yml' } },
  template: { shape: text, description: 'A template of GitLab.', example: 'Auto-DevOps.gitlab-ci.yml' },
  remote: { shape: text, description: 'An address.', example: 'https://example.com/child.yml' },
  component: { shape: text, description: 'A component.', example: 'example.com/acme/component@1.0' },
  inputs: {
    shape: anything,
    description: 'What the file asks for.',
    example: { level: 'full' },
    beside: { local: 'ci/child.yml' },
  },
});

const includes: Shape<unknown> = orMap<unknown>(text, included);

/** `trigger:` of a job that starts another pipeline instead of running a script. */
export const trigger: Field<unknown> = {
  shape: orMap<unknown>(
    text,
    record({
      include: {
        shape: oneOrMore(includes, limits.includes),
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
            shape: boolean,
            description: 'Those of the job.',
            default: true,
            example: true,
          },
          pipeline_variables: {
            shape: boolean,
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
