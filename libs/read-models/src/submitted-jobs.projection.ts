import {
  COLLECTION,
  PipelineFinished,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  endedJobPrefix,
  openJobPrefix,
  paddedPosition,
  type SubmittedJobDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const pipelineId = (data: { pipelineId: string }): string => data.pipelineId;

const reopened = ({ outcome: _outcome, ...doc }: SubmittedJobDoc): SubmittedJobDoc => doc;

export const submittedJobsProjection = defineProjection<SubmittedJobDoc>(
  COLLECTION.submittedJobs,
  ({ position, outcome }) => ({
    byPosition: paddedPosition(position),
    byOutcome: (outcome === undefined ? openJobPrefix : endedJobPrefix(outcome)) + paddedPosition(position),
  }),
  [
    when(
      PipelineRequested,
      ({ pipelineId: id, submission }) => (submission ? id : []),
      (known, { data, recordedAt, position }) => {
        if (known || !data.submission) return known;
        const { id, steps, env: _env, cacheKeys: _keys, interruptible: _interruptible, ...submitted } = data.submission;
        const { owner, name } = data.project;
        return {
          ...submitted,
          id: data.pipelineId,
          name: id,
          projectId: data.project.id,
          project: `${owner}/${name}`,
          sha: data.sha ?? '',
          steps: steps.map((step) => step.name),
          createdAt: recordedAt,
          position,
        };
      },
    ),
    when(PipelineRejected, pipelineId, (doc) => doc && { ...doc, outcome: 'failed' }),
    when(PipelineReopened, pipelineId, (doc) => doc && reopened(doc)),
    when(PipelineFinished, pipelineId, (doc, { data: { status } }) => doc && { ...doc, outcome: status }),
  ],
);
