import type { ImageBuild, ServiceConfig } from './service.ts';

/** `position` is that of its registration. */
export type ServiceDoc = ServiceConfig & {
  id: string;
  number: number;
  projectId: string;
  projectNumber: number;
  createdAt: string;
  position: number;
  /** What runs of it. */
  current?: { deploymentId: string; number: number };
};

/**
 * What was asked for, and what came of it; how it stands is told by its pipeline and that one's job. `outcome` is that of
 * the pipeline, so that those that go on are found, and the others are counted.
 */
export type BuildDoc = Omit<ImageBuild, 'args' | 'network' | 'cacheImage'> & {
  id: string;
  projectId: string;
  /** As it was asked for, and the commit. */
  ref: string;
  sha: string;
  /** 0…100 of the image alone. */
  percent: number;
  /** The newest attempt that had its turn, and since when: before that a runner checks it out, or it waits there. */
  begun?: { attempt: number; at: string };
  logPath?: string;
  imageId?: string;
  pushed: { reference: string; digest: string }[];
  outcome?: 'success' | 'failed';
  createdAt: string;
  position: number;
};

/** S2-04: the words of the build API. */
export type ServiceDeploymentStatus = 'deploying' | 'success' | 'failed' | 'rolled_back';
export type ServiceDeploymentDoc = {
  id: string;
  number: number;
  serviceId: string;
  service: { number: number; name: string };
  projectId: string;
  projectNumber: number;
  imageTag: string;
  images: string[];
  status: ServiceDeploymentStatus;
  phase?: 'image' | 'start' | 'check' | 'switch';
  /** It was cancelled, and ends. */
  isCancelled?: true;
  reason?: string;
  rollback?: { of: string; to: number };
  imageId?: string;
  error?: { code: string; message: string };
  createdAt: string;
  /** When its turn had come. */
  startedAt?: string;
  finishedAt?: string;
  position: number;
};
