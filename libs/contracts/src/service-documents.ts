import type { ImageBuild, ServiceConfig } from './service.ts';

/** `position` is that of its registration. */
export type ServiceDoc = ServiceConfig & {
  id: string;
  number: number;
  projectId: string;
  projectNumber: number;
  createdAt: string;
  position: number;
};

/** What was asked for, and what came of it; how it stands is told by its pipeline and that one's job. */
export type BuildDoc = Omit<ImageBuild, 'args' | 'network' | 'cacheImage'> & {
  id: string;
  projectId: string;
  /** As it was asked for, and the commit. */
  ref: string;
  sha: string;
  /** 0…100 of the image alone. */
  percent: number;
  logPath?: string;
  imageId?: string;
  pushed: { reference: string; digest: string }[];
  createdAt: string;
  position: number;
};
