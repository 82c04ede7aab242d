import { record } from '../grammar/record.ts';
import { text, type Shape } from '../grammar/shape.ts';
import { autoCancel, type AutoCancel } from './auto-cancel.ts';
import { workflowRules, type Rule } from './rules.ts';

/** What decides about the pipeline as a whole. */
export type Workflow = { name?: string; rules?: Rule[]; auto_cancel?: AutoCancel };

export const workflow: Shape<Workflow> = record<Required<Workflow>>({
  name: {
    shape: text,
    description: 'What the pipeline is called. Variables of the file and of the request are filled in.',
    example: 'Deploy $CI_COMMIT_REF_NAME',
  },
  rules: {
    shape: workflowRules,
    description:
      'Whether there is a pipeline at all: the first rule that holds decides; when none does, there is none.',
    example: [{ if: '$CI_COMMIT_TAG || $CI_COMMIT_BRANCH' }],
  },
  auto_cancel: {
    shape: autoCancel,
    description: 'What ends the pipeline before its jobs do.',
    example: { on_new_commit: 'interruptible' },
  },
});
