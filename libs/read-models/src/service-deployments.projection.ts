import {
  COLLECTION,
  ServiceDeploymentAdvanced,
  ServiceDeploymentCancelling,
  ServiceDeploymentFailed,
  ServiceDeploymentRequested,
  ServiceDeploymentRolledBack,
  ServiceDeploymentSucceeded,
  byNumberKey,
  endedIndexKey,
  openIndexKey,
  serviceIndexKey,
  type ServiceDeploymentDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const deploymentId = (data: { deploymentId: string }): string => data.deploymentId;

/** `deploying`: only those that go on, the oldest first; what a deployer looks for when it starts. */
export const serviceDeploymentsProjection = defineProjection<ServiceDeploymentDoc>(
  COLLECTION.serviceDeployments,
  (doc) => ({
    byNumber: byNumberKey(doc.number),
    byService: serviceIndexKey(doc.service.number, doc.number),
    byProject: serviceIndexKey(doc.projectNumber, doc.number),
    ...(doc.status === 'deploying'
      ? {
          deploying: byNumberKey(doc.number),
          open: openIndexKey(doc.projectNumber, doc.service.number, doc.number),
        }
      : { ended: endedIndexKey(doc.status, doc.number) }),
  }),
  [
    when(ServiceDeploymentRequested, deploymentId, (doc, { data, recordedAt, position }) => {
      const { deploymentId: id, project, run: _run, projectVariables: _variables, ...rest } = data;
      return doc ?? { ...rest, id, projectId: project.id, status: 'deploying', createdAt: recordedAt, position };
    }),
    when(
      ServiceDeploymentAdvanced,
      deploymentId,
      (doc, { data: { phase }, recordedAt }) => doc && { ...doc, phase, startedAt: doc.startedAt ?? recordedAt },
    ),
    when(ServiceDeploymentCancelling, deploymentId, (doc) => doc && { ...doc, isCancelled: true }),
    when(
      ServiceDeploymentSucceeded,
      deploymentId,
      (doc, { data: { imageId }, recordedAt }) => doc && { ...doc, status: 'success', imageId, finishedAt: recordedAt },
    ),
    when(
      ServiceDeploymentFailed,
      deploymentId,
      (doc, { data: { code, because: message }, recordedAt }) =>
        doc && { ...doc, status: 'failed', error: { code, message }, finishedAt: recordedAt },
    ),
    when(ServiceDeploymentRolledBack, deploymentId, (doc) => doc && { ...doc, status: 'rolled_back' }),
  ],
);
