import {
  COLLECTION,
  ProcessModeSet,
  ResourceExpected,
  ResourceGranted,
  ResourceReleased,
  byProjectKey,
  type ResourceGroupDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const groupId = (data: { groupId: string }): string => data.groupId;

type Named = { groupId: string; projectId: string; group: string };
const created = ({ groupId: id, projectId, group: name }: Named): ResourceGroupDoc => ({
  id,
  projectId,
  name,
  processMode: 'unordered',
});

/** A resource group is known from when a pipeline has a job of it, or somebody has set its mode. */
export const resourceGroupsProjection = defineProjection<ResourceGroupDoc>(
  COLLECTION.resourceGroups,
  ({ projectId, name }) => ({ byProject: byProjectKey(projectId, name) }),
  [
    when(ResourceExpected, groupId, (doc, { data }) => doc ?? created(data)),
    when(ProcessModeSet, groupId, (doc, { data }) => ({ ...(doc ?? created(data)), processMode: data.processMode })),
    when(
      ResourceGranted,
      groupId,
      (doc, { data: { pipelineId, jobId }, recordedAt }) =>
        doc && { ...doc, holder: { pipelineId, jobId, since: recordedAt } },
    ),
    when(ResourceReleased, groupId, (doc, { data }) => {
      if (doc?.holder?.jobId !== data.jobId) return doc;
      const { holder: _holder, ...free } = doc;
      return free;
    }),
  ],
);
