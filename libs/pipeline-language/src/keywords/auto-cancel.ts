import type { AutoCancel as Planned } from '@foldline/contracts';
import { present } from '../grammar/present.ts';
import { record } from '../grammar/record.ts';
import { choice, mapped, type Shape } from '../grammar/shape.ts';

/** What ends a pipeline before its jobs do. */
export type AutoCancel = Partial<Planned>;
type OnNewCommit = Planned['onNewCommit'];
type OnJobFailure = Planned['onJobFailure'];

const written = record<{ on_new_commit: OnNewCommit; on_job_failure: OnJobFailure }>({
  on_new_commit: {
    shape: choice(['conservative', 'interruptible', 'none']),
    description:
      'What a newer pipeline of the same branch cancels: this pipeline as long as only interruptible jobs have started, its interruptible jobs, or nothing.',
    default: 'conservative',
    example: 'interruptible',
  },
  on_job_failure: {
    shape: choice(['all', 'none']),
    description: 'What is cancelled as soon as a job fails.',
    default: 'none',
    example: 'all',
  },
});

export const autoCancel: Shape<AutoCancel> = mapped(
  written,
  ({ on_new_commit: onNewCommit, on_job_failure: onJobFailure }) => ({
    ...present('onNewCommit', onNewCommit),
    ...present('onJobFailure', onJobFailure),
  }),
);
