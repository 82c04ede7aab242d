import { jobNumberOf, type ServiceDeploymentDoc } from '@foldline/contracts';

const jobOf = ({ number }: ServiceDeploymentDoc): string => jobNumberOf({ type: 'deploy', number });

/** A deployment in the words of the build API (S2-03), and what else is known of it. */
export const deploymentAnswer = (doc: ServiceDeploymentDoc) => ({
  id: doc.number,
  project_id: doc.projectNumber,
  service_id: doc.service.number,
  image_tag: doc.imageTag,
  status: doc.status,
  reason: doc.reason ?? null,
  created_at: doc.createdAt,
  finished_at: doc.finishedAt ?? null,
  rolled_back_to: doc.rollback?.to ?? null,
  image_id: doc.imageId ?? null,
  error: doc.error ?? null,
  job_id: jobOf(doc),
});

const PROGRESS = { image: 10, start: 40, check: 60, switch: 90 };

/** The same as a job: one that was taken back later had succeeded. */
export const deploymentJobAnswer = (doc: ServiceDeploymentDoc) => {
  const { status, startedAt, finishedAt, phase, createdAt, number } = doc;
  const going = startedAt === undefined ? 'queued' : 'running';
  const ended = status === 'failed' ? 'failed' : 'success';
  const reached = phase === undefined ? 0 : PROGRESS[phase];
  return {
    id: jobOf(doc),
    type: 'deploy',
    status: status === 'deploying' ? going : ended,
    progress: status === 'success' || status === 'rolled_back' ? 100 : reached,
    created_at: createdAt,
    started_at: startedAt ?? null,
    finished_at: finishedAt ?? null,
    deployment_id: number,
  };
};
