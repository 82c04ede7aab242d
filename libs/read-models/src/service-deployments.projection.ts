import {
  COLLECTION,
  ServiceDeploymentAdvanced,
  ServiceDeploymentFailed,
  ServiceDeploymentRequested,
  ServiceDeploymentRolledBack,
  ServiceDeploymentStarted,
  ServiceDeploymentSucceeded,
  byNumberKey,
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
    ...(doc.status === 'deploying' ? { deploying: byNumberKey(doc.number) } : {}),
  }),
  [
    when(ServiceDeploymentRequested, deploymentId, (doc, { data, recordedAt, position }) => {
      const { deploymentId: id, project: _project, run: _run, projectVariables: _variables, ...rest } = data;
      return doc ?? { ...rest, id, status: 'deploying', createdAt: recordedAt, position };
    }),
    when(ServiceDeploymentStarted, deploymentId, (doc, { recordedAt }) => doc && { ...doc, startedAt: recordedAt }),
    when(ServiceDeploymentAdvanced, deploymentId, (doc, { data: { phase } }) => doc && { ...doc, phase }),
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
