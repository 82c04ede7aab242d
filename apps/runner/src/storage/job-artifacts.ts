import {
  ArtifactUploaded,
  expandVariables,
  type ArtifactDoc,
  type ArtifactKind,
  type ArtifactSpec,
} from '@foldline/contracts';
import { derivedId, keptArtifacts } from '@foldline/kernel';
import { packTree, type PackedTree } from '../trees/pack-tree.ts';
import { unpackTree } from '../trees/unpack-tree.ts';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import type { JobObjects, JobReads } from './patient-stores.ts';

/** Kept so long when the definition says nothing, as on GitLab; `expire_in: never` keeps them for good. */
const DEFAULT_EXPIRY_SECONDS = 30 * 24 * 60 * 60;

type Inherited = { archives: ArtifactDoc[]; dotenv: ArtifactDoc[]; missing?: string };

/** What the earlier jobs have kept for this one, in their order; or which of it is gone, so that a missing file is explained. */
export const inheritedArtifacts = async (scene: JobScene, reads: JobReads): Promise<Inherited> => {
  const { artifactJobs, artifactAttempts } = scene.assignment;
  const found: Inherited = { archives: [], dotenv: [] };
  for (const jobId of artifactJobs) {
    const kept = await keptArtifacts(reads, jobId, artifactAttempts?.[jobId]);
    if (kept.some(({ status }) => status === 'expired'))
      return { ...found, missing: `the artifacts of job ${jobId} have expired` };
    found.archives.push(...kept.filter(({ kind }) => kind === 'archive'));
    found.dotenv.push(...kept.filter(({ kind }) => kind === 'dotenv'));
  }
  return found;
};

/** Puts the artifacts of earlier jobs into the workspace. */
export const downloadArtifacts = async (
  scene: JobScene,
  archives: readonly ArtifactDoc[],
  objects: JobObjects,
): Promise<void> => {
  for (const { manifestDigest, name, files, jobId } of archives) {
    await unpackTree({ manifestDigest, into: scene.workspace, objects });
    scene.tell(`Downloaded artifact ${name} of job ${jobId}: ${files} files`);
  }
};

/**
 * Keeps what `artifacts` names; reports are kept whatever has come of the job, as on GitLab, for those of a failure are
 * read most. The job is done only when the artifact-store has accepted it.
 */
export const uploadArtifacts = async (scene: JobScene, objects: JobObjects, succeeded: boolean): Promise<void> => {
  const spec = scene.assignment.job.artifacts;
  if (!spec) return;
  if (spec.paths.length > 0 && applies(spec.when, succeeded)) await upload(scene, objects, 'archive', spec.paths, spec);
  if (spec.reports.length > 0) await upload(scene, objects, 'reports', spec.reports, spec);
};

export const keepsAny = (spec: ArtifactSpec | undefined, succeeded: boolean): boolean =>
  spec !== undefined && (spec.reports.length > 0 || applies(spec.when, succeeded));

export const applies = (when: 'on_success' | 'on_failure' | 'always', succeeded: boolean): boolean =>
  when === 'always' || (when === 'on_success') === succeeded;

const upload = async (
  scene: JobScene,
  objects: JobObjects,
  kind: 'archive' | 'reports',
  patterns: readonly string[],
  spec: ArtifactSpec,
): Promise<void> => {
  const expand = (text: string): string => expandVariables(text, scene.variables);
  const packed = await packTree({
    root: scene.workspace,
    paths: patterns.map(expand),
    exclude: spec.exclude.map(expand),
    objects,
  });
  for (const path of packed.unmatched) scene.warn(`${path}: no matching files`);
  for (const note of packed.skipped) scene.warn(note);
  if (packed.files === 0) return scene.warn('there is nothing to keep as an artifact');
  recordUpload(scene, kind, packed, spec);
  scene.tell(`Uploaded ${kind === 'archive' ? 'artifacts' : 'reports'}: ${packed.files} files, ${packed.bytes} bytes`);
};

/** The job is done only when the artifact-store has accepted what is recorded here. */
export const recordUpload = (scene: JobScene, kind: ArtifactKind, packed: PackedTree, spec: ArtifactSpec): void => {
  const artifactId = derivedId('artifact', scene.about.attemptId, kind);
  const fact: AttemptFact = ArtifactUploaded({
    ...scene.about,
    artifactId,
    projectId: scene.assignment.context.project.id,
    name: safeName(scene.hide(expandVariables(spec.name ?? 'artifacts', scene.variables))),
    kind,
    manifestDigest: packed.manifestDigest,
    files: packed.files,
    bytes: packed.bytes,
    ...(spec.neverExpires ? {} : { expireInSeconds: spec.expireInSeconds ?? DEFAULT_EXPIRY_SECONDS }),
  });
  scene.committing(artifactId, fact);
};

/** One segment of a path whatever the definition says (CVE-2024-54132). */
const safeName = (name: string): string =>
  name
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^\.+/, '')
    .slice(0, 200) || 'artifacts';
