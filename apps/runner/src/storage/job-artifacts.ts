import {
  ArtifactUploaded,
  COLLECTION,
  artifactIndexKey,
  expandVariables,
  type ArtifactDoc,
  type PlannedJob,
} from '@foldline/contracts';
import { derivedId } from '@foldline/kernel';
import { packTree } from '../trees/pack-tree.ts';
import { unpackTree } from '../trees/unpack-tree.ts';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { everyDocument } from './every-document.ts';
import type { JobObjects, JobReads } from './patient-stores.ts';

/** Kept so long when the definition says nothing, as on GitLab; `expire_in: never` keeps them for good. */
const DEFAULT_EXPIRY_SECONDS = 30 * 24 * 60 * 60;

/** Puts the artifacts of earlier jobs into the workspace; says which had none, so that a missing file is explained. */
export const downloadArtifacts = async (
  scene: JobScene,
  reads: JobReads,
  objects: JobObjects,
): Promise<string | undefined> => {
  const { artifactJobs, artifactAttempts } = scene.assignment;
  for (const jobId of artifactJobs) {
    const archives = await archivesOf(jobId, reads);
    // What a late or earlier attempt has kept is not what the job came to. Early releases did not say which one counts.
    const latest = artifactAttempts?.[jobId] ?? Math.max(...archives.map(({ attempt }) => attempt));
    const ofLatest = archives.filter(({ attempt }) => attempt === latest);
    // What an earlier attempt had is of no use to anybody, expired or not.
    if (ofLatest.some(({ status }) => status === 'expired')) return `the artifacts of job ${jobId} have expired`;
    for (const { manifestDigest, name, files } of ofLatest) {
      await unpackTree({ manifestDigest, into: scene.workspace, objects });
      scene.tell(`Downloaded artifact ${name} of job ${jobId}: ${files} files`);
    }
  }
  return undefined;
};

/** As the API does, this leaves out what was refused: of an earlier attempt there may be something that was not. */
const archivesOf = async (jobId: string, reads: JobReads): Promise<ArtifactDoc[]> => {
  const ofJob = { index: 'byJob', prefix: artifactIndexKey(jobId, '') };
  const found: ArtifactDoc[] = [];
  for await (const artifact of everyDocument<ArtifactDoc>(reads, COLLECTION.artifacts, ofJob)) {
    if (artifact.kind === 'archive' && artifact.status !== 'refused') found.push(artifact);
  }
  return found;
};

/** Keeps what `artifacts` names. The job is done only when the artifact-store has accepted it. */
export const uploadArtifacts = async (scene: JobScene, objects: JobObjects, succeeded: boolean): Promise<void> => {
  const spec = scene.assignment.job.artifacts;
  if (!spec || !applies(spec.when, succeeded)) return;
  if (spec.paths.length > 0) await upload(scene, objects, 'archive', spec.paths, spec);
  if (spec.reports.length > 0) await upload(scene, objects, 'reports', spec.reports, spec);
};

export const applies = (when: 'on_success' | 'on_failure' | 'always', succeeded: boolean): boolean =>
  when === 'always' || (when === 'on_success') === succeeded;

const upload = async (
  scene: JobScene,
  objects: JobObjects,
  kind: 'archive' | 'reports',
  patterns: readonly string[],
  spec: NonNullable<PlannedJob['artifacts']>,
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
  const artifactId = derivedId('artifact', scene.about.attemptId, kind);
  const fact: AttemptFact = ArtifactUploaded({
    ...scene.about,
    artifactId,
    projectId: scene.assignment.context.project.id,
    name: safeName(scene.hide(expand(spec.name ?? 'artifacts'))),
    kind,
    manifestDigest: packed.manifestDigest,
    files: packed.files,
    bytes: packed.bytes,
    ...(spec.neverExpires ? {} : { expireInSeconds: spec.expireInSeconds ?? DEFAULT_EXPIRY_SECONDS }),
  });
  scene.committing(artifactId, fact);
  scene.tell(`Uploaded ${kind === 'archive' ? 'artifacts' : 'reports'}: ${packed.files} files, ${packed.bytes} bytes`);
};

/** One segment of a path whatever the definition says (CVE-2024-54132). */
const safeName = (name: string): string =>
  name
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^\.+/, '')
    .slice(0, 200) || 'artifacts';
