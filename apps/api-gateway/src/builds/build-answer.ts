import { jobNumberOf, type BuildDoc } from '@foldline/contracts';
import type { BuildStanding } from './build-standing.ts';

/** A build in the words of the build API (S2-01), and what else is known of it. */
export const buildAnswer = (build: BuildDoc, standing: BuildStanding) => ({
  id: build.number,
  project_id: build.projectNumber,
  service_id: build.service.number,
  git_url: build.gitUrl,
  git_ref: build.ref,
  context_path: build.contextPath,
  dockerfile: build.dockerfile,
  image_tag: build.image,
  status: standing.status,
  log_path: build.logPath ?? null,
  started_at: standing.startedAt ?? null,
  finished_at: standing.finishedAt ?? null,
  created_at: build.createdAt,
  git_sha: build.sha,
  platform: build.platform,
  image_id: build.imageId ?? null,
  pushed: build.pushed,
  error: standing.error ?? null,
  job_id: jobNumberOf({ type: 'build', number: build.number }),
  pipeline_id: build.id,
});

/** A job of the build API (S2-15): running is what its pipeline does, whatever it builds or deploys. */
export const buildJobAnswer = (build: BuildDoc, { status, progress, startedAt, finishedAt }: BuildStanding) => ({
  id: jobNumberOf({ type: 'build', number: build.number }),
  type: 'build',
  status: status === 'building' ? 'running' : status,
  progress,
  created_at: build.createdAt,
  started_at: startedAt ?? null,
  finished_at: finishedAt ?? null,
  build_id: build.number,
});
