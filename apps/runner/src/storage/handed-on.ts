import { expandVariables, parseManifest, type ArtifactDoc } from '@foldline/contracts';
import { PermanentError, Refusal, environmentOfJob } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import { packTree, type PackedTree } from '../trees/pack-tree.ts';
import { DOTENV_LIMITS, invalidDotenv, parseDotenv } from './dotenv.ts';
import { recordUpload } from './job-artifacts.ts';
import type { JobObjects } from './patient-stores.ts';

type Values = Record<string, string>;
const LONGEST_URL = 2048;

/**
 * Keeps the files with variables that later jobs get, and answers with the variables, or with what later jobs could not
 * read. Values are in the object store and nowhere else: no event and no log has them.
 */
export const handOnVariables = async (
  scene: JobScene,
  objects: JobObjects,
): Promise<{ variables: Values } | { problem: string }> => {
  try {
    return { variables: await keepVariables(scene, objects) };
  } catch (error) {
    if (error instanceof Refusal && error.code === 'invalid_dotenv') return { problem: error.message };
    throw error;
  }
};

const keepVariables = async (scene: JobScene, objects: JobObjects): Promise<Values> => {
  const spec = scene.assignment.job.artifacts!;
  const expand = (text: string): string => expandVariables(text, scene.variables);
  const packed = await packWithin(scene.workspace, (spec.dotenv ?? []).map(expand), objects);
  for (const path of packed.unmatched) scene.warn(`${path}: no matching files`);
  if (packed.files === 0) return {};
  const variables = await readVariables(packed.manifestDigest, objects, scene.hide);
  recordUpload(scene, 'dotenv', packed, spec);
  scene.tell(`Handed on ${Object.keys(variables).length} variables`);
  return variables;
};

/** Found to be too large before any of it is kept. */
const packWithin = async (root: string, paths: string[], objects: JobObjects): Promise<PackedTree> => {
  try {
    return await packTree({ root, paths, exclude: [], objects, maxBytes: DOTENV_LIMITS.bytes });
  } catch (error) {
    if (error instanceof Refusal && error.code === 'tree_too_large') throw tooLarge();
    throw error;
  }
};

const tooLarge = (): Refusal => invalidDotenv(`the files with variables have more than ${DOTENV_LIMITS.bytes} bytes`);

/** What the earlier jobs have handed on; of the same name that of the later job in the plan. */
export const variablesOf = async (
  artifacts: readonly ArtifactDoc[],
  scene: JobScene,
  objects: JobObjects,
): Promise<Values> => {
  const all: Values = {};
  for (const { manifestDigest, jobId } of artifacts) {
    const variables = await readVariables(manifestDigest, objects, scene.hide);
    scene.tell(`Received ${Object.keys(variables).length} variables of job ${jobId}`);
    Object.assign(all, variables);
  }
  return all;
};

/** Whoever made it may be hostile, so everything is looked at again. */
const readVariables = async (
  manifestDigest: string,
  objects: JobObjects,
  hide: (text: string) => string,
): Promise<Values> => {
  const files = parseManifest(await bytesOf(manifestDigest, objects)).entries.filter((entry) => entry.kind === 'file');
  if (files.reduce((sum, { size }) => sum + size, 0) > DOTENV_LIMITS.bytes) throw tooLarge();
  const variables: Values = {};
  for (const { digest, path } of files)
    Object.assign(variables, parseDotenv(await bytesOf(digest, objects), hide(path)));
  if (Object.keys(variables).length > DOTENV_LIMITS.variables)
    throw invalidDotenv(`a job hands on at most ${DOTENV_LIMITS.variables} variables`);
  return variables;
};

const bytesOf = async (digest: string, objects: JobObjects): Promise<Buffer> => {
  const bytes = await objects.read(digest);
  if (!bytes) throw new PermanentError(`the object ${digest} is missing`);
  return bytes;
};

/**
 * Where what the job deployed is found, when that is known only now. The address is shown to everybody, so a variable of
 * the project is no part of it, and one in which a masked value turns up is not told.
 */
export const addressNow = ({ assignment, hide, warn }: JobScene, handedOn: Values): string | undefined => {
  const sealed = new Set(assignment.context.projectVariables.map(({ key }) => key));
  const open = Object.fromEntries(Object.entries(handedOn).filter(([name]) => !sealed.has(name)));
  const url = environmentOfJob(assignment, { report: { values: open } })?.url;
  if (url === undefined || url === environmentOfJob(assignment)?.url) return undefined;
  const isShown = /^https?:\/\/[^\s/]/.test(url) && URL.canParse(url) && url.length <= LONGEST_URL && hide(url) === url;
  if (!isShown) warn('the address of the environment is not shown: it is none of the web, or holds a masked value');
  return isShown ? url : undefined;
};
