import type { When } from '@foldline/contracts';
import { anyOf, TEXT } from '../grammar/json-schema.ts';
import type { Fields } from '../grammar/record.ts';
import { shape, text, texts, type Read } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { invalid, readText, type Located } from '../read.ts';
import { allowFailure, type AllowFailure } from './allow-failure.ts';
import { matrix, parallel, type Copies } from './copies.ts';
import { environment, type Environment } from './environment.ts';
import { inherit, type Inherit } from './inherit.ts';
import { dependencies, needs, type NeedEntry } from './needed-jobs.ts';
import { refsOfJob, type Refs } from './refs.ts';
import { rules, type Rule } from './rules.ts';
import { duration } from './timing.ts';
import { trigger, type TriggerSetting } from './trigger.ts';
import { when } from './when.ts';

/** Whether, when, how often and where to a job runs. */
export type Order = {
  stage: string;
  extends: unknown;
  inherit: Inherit;
  needs: NeedEntry[];
  dependencies: Located<string>[];
  rules: Rule[];
  only: Refs;
  except: Refs;
  when: When;
  start_in: number;
  manual_confirmation: string;
  allow_failure: AllowFailure;
  parallel: Copies;
  matrix: Copies;
  environment: Environment;
  resource_group: string;
  trigger: TriggerSetting;
};

const readQuestion: Read<string> = (node, where) => {
  const question = readText(node, where);
  return question === undefined || question.length <= limits.questionLength
    ? question
    : invalid(node, where, `may have at most ${limits.questionLength} characters`);
};

export const order: Fields<Order> = {
  stage: { shape: text, description: 'The stage of the job.', default: 'test', example: 'build' },
  extends: {
    // Followed before jobs are read; what is left here was reported.
    shape: shape(() => undefined, anyOf(TEXT, texts.schema)),
    description: 'Jobs or templates whose keywords are taken over.',
    example: '.template',
  },
  inherit: {
    shape: inherit,
    description: 'Which defaults and which variables of the file the job takes over.',
    default: { default: true, variables: true },
    example: { default: ['retry'], variables: false },
  },
  needs: {
    shape: needs,
    description: 'The jobs that this one waits for, instead of all earlier stages; `[]` starts it at once.',
    example: ['build'],
  },
  dependencies: {
    shape: dependencies,
    description: 'The jobs whose artifacts it gets, instead of all that it waits for.',
    example: ['build'],
  },
  rules: {
    shape: rules,
    description:
      'Whether, and how, the job is in the pipeline: the first rule that holds decides; when none does, it is left out.',
    example: [{ if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH' }],
  },
  only: { shape: refsOfJob, description: 'For which refs the job is in the pipeline.', example: ['main'] },
  except: { shape: refsOfJob, description: 'For which refs the job is not in the pipeline.', example: ['tags'] },
  when: {
    shape: when,
    description: 'When the job runs: after success, after a failure, always, when somebody starts it, or after a time.',
    default: 'on_success',
    example: 'manual',
  },
  start_in: {
    shape: duration(limits.delaySeconds),
    description: 'How long a job with `when: delayed` waits, at most a week.',
    example: '30 minutes',
    beside: { when: 'delayed' },
  },
  manual_confirmation: {
    shape: shape(readQuestion, TEXT),
    description: 'What is to be confirmed before somebody starts a manual job; its answers of the API have it.',
    example: 'Deploy to production?',
    beside: { when: 'manual' },
  },
  allow_failure: {
    shape: allowFailure,
    description: 'Whether the pipeline goes on when the job fails, or with which exit codes. True for manual jobs.',
    default: false,
    example: { exit_codes: [137] },
  },
  parallel: { shape: parallel, description: 'How many copies of the job run, or of which values.', example: 5 },
  matrix: {
    shape: matrix,
    description: 'The same as `parallel: {matrix: …}`.',
    example: [{ NODE: [20, 22] }],
  },
  environment: {
    shape: environment,
    description: 'What the job deploys to.',
    example: { name: 'production', url: 'https://example.com' },
  },
  resource_group: {
    shape: text,
    description: 'Of the jobs of a project with the same group, one runs at a time. Variables are filled in.',
    example: 'production',
  },
  trigger,
};
