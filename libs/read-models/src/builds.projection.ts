import {
  COLLECTION,
  ImageBuildAdvanced,
  ImageBuildStarted,
  ImageBuilt,
  ImagePushed,
  PipelineFinished,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  byNumberKey,
  endedIndexKey,
  openIndexKey,
  serviceIndexKey,
  type BuildDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const pipelineId = (data: { pipelineId: string }): string => data.pipelineId;

const reopened = ({ outcome: _outcome, ...doc }: BuildDoc): BuildDoc => doc;

/** A build is found by the id of its pipeline, which tells how it stands. */
export const buildsProjection = defineProjection<BuildDoc>(
  COLLECTION.builds,
  ({ number, service, projectNumber, outcome }) => ({
    byNumber: byNumberKey(number),
    byService: serviceIndexKey(service.number, number),
    byProject: serviceIndexKey(projectNumber, number),
    ...(outcome === undefined
      ? { open: openIndexKey(projectNumber, service.number, number) }
      : { ended: endedIndexKey(outcome, number) }),
  }),
  [
    when(
      PipelineRequested,
      ({ pipelineId: id, build }) => (build ? id : []),
      (known, { data, recordedAt, position }) => {
        if (known || !data.build) return known;
        const { args: _args, network: _network, cacheImage: _cacheImage, ...build } = data.build;
        return {
          ...build,
          id: data.pipelineId,
          projectId: data.project.id,
          ref: data.ref.name,
          sha: data.sha ?? '',
          percent: 0,
          pushed: [],
          createdAt: recordedAt,
          position,
        };
      },
    ),
    // Another attempt begins anew.
    when(ImageBuildStarted, pipelineId, (doc, { data: { attempt, logPath }, recordedAt: at }) => {
      const { logPath: _logPath, ...rest } = doc ?? ({} as Partial<BuildDoc>);
      const fresh = { percent: 0, pushed: [], begun: { attempt, at } };
      return doc && { ...(rest as BuildDoc), ...fresh, ...(logPath === undefined ? {} : { logPath }) };
    }),
    when(ImageBuildAdvanced, pipelineId, (doc, { data: { percent } }) => doc && { ...doc, percent }),
    when(ImageBuilt, pipelineId, (doc, { data: { imageId } }) => doc && { ...doc, percent: 100, imageId }),
    when(
      ImagePushed,
      pipelineId,
      (doc, { data: { reference, digest } }) => doc && { ...doc, pushed: [...doc.pushed, { reference, digest }] },
    ),
    when(PipelineRejected, pipelineId, (doc) => doc && { ...doc, outcome: 'failed' }),
    when(PipelineReopened, pipelineId, (doc) => doc && reopened(doc)),
    when(
      PipelineFinished,
      pipelineId,
      (doc, { data: { status } }) => doc && { ...doc, outcome: status === 'success' ? 'success' : 'failed' },
    ),
  ],
);
