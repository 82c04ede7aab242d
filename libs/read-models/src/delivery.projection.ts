import {
  byProjectKey,
  COLLECTION,
  DEPLOYMENT_CANCELLED,
  DeploymentFailed,
  DeploymentStarted,
  DeploymentSucceeded,
  EnvironmentCreated,
  EnvironmentDeployed,
  type DeploymentDoc,
  type EnvironmentDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const deploymentId = (data: { deploymentId: string }): string => data.deploymentId;
const environmentId = (data: { environmentId: string }): string => data.environmentId;
const ifUrl = (url: string | undefined): { url?: string } => (url === undefined ? {} : { url });

const restored = ({ failingSince: _failingSince, ...doc }: EnvironmentDoc): EnvironmentDoc => doc;

export const environmentsProjection = defineProjection<EnvironmentDoc>(
  COLLECTION.environments,
  (doc) => ({ byProject: byProjectKey(doc.projectId, doc.id) }),
  [
    when(
      EnvironmentCreated,
      environmentId,
      (doc, { data }) => doc ?? { id: data.environmentId, projectId: data.projectId, name: data.name },
    ),
    when(DeploymentFailed, environmentId, (doc, { data, recordedAt }) =>
      doc && data.because !== DEPLOYMENT_CANCELLED ? { ...doc, failingSince: doc.failingSince ?? recordedAt } : doc,
    ),
    when(EnvironmentDeployed, environmentId, (doc, { data, recordedAt }) => ({
      ...restored(doc ?? { id: data.environmentId, projectId: data.projectId, name: data.name }),
      current: { deploymentId: data.deploymentId, sha: data.sha, ref: data.ref, ...ifUrl(data.url), at: recordedAt },
    })),
  ],
);

export const deploymentsProjection = defineProjection<DeploymentDoc>(
  COLLECTION.deployments,
  (doc) => ({
    byProject: `${doc.projectId}/${doc.startedAt}/${doc.id}`,
    byPipeline: `${doc.pipelineId}/${doc.id}`,
    byEnvironment: `${doc.environmentId}/${doc.startedAt}/${doc.id}`,
  }),
  [
    when(DeploymentStarted, deploymentId, (doc, { data, recordedAt }) => {
      if (doc) return doc;
      const { deploymentId: id, url, ...rest } = data;
      return { id, ...rest, ...ifUrl(url), status: 'deploying', startedAt: recordedAt };
    }),
    when(
      DeploymentSucceeded,
      deploymentId,
      (doc, { data, recordedAt }) => doc && { ...doc, ...ifUrl(data.url), status: 'success', finishedAt: recordedAt },
    ),
    when(
      DeploymentFailed,
      deploymentId,
      (doc, { data, recordedAt }) => doc && { ...doc, status: 'failed', because: data.because, finishedAt: recordedAt },
    ),
  ],
);
