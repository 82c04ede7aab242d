import { mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient, type Connection } from '@foldline/client';
import { jobIdOf } from '@foldline/contracts';
import { CommandFailure, EXIT, type ExitCode } from '../command-failure.ts';
import { printable } from '../printable.ts';
import { asking } from '../server/asking.ts';
import type { Environment, Output } from '../server/connection.ts';
import { cloneCommit } from './clone-commit.ts';
import { unpackArchive } from './unpack-archive.ts';

/** `job` is the id of a submitted job; with a project, as `owner/name`, that of any job as the API tells it. */
export type Wanted = { job: string; project?: string; attempt?: number; step?: number; into: string };
type Snapshot = {
  attempt: number;
  step: number;
  name?: string;
  takenAt: string;
  available: boolean;
  prunedAt?: string;
};
type Job = { id: string; project: string; sha: string };
type Surroundings = { connection: Connection; environment: Environment; out: Output };

/** Makes a directory just what the step behind a snapshot would have found (S1-29). Throws `CommandFailure`. */
export const openSnapshot = async (
  wanted: Wanted,
  { connection, environment, out }: Surroundings,
): Promise<ExitCode> => {
  const into = emptyDirectory(wanted.into);
  const client = new ApiClient(connection);
  const ask = <Answer>(work: () => Promise<Answer>): Promise<Answer> => asking(connection.url, work);
  const job = await ask(() => jobOf(wanted, client));
  const { url } = await ask(() => client.get<{ url: string }>(`/api/v1/projects/${job.project}`));
  const all = `/api/${job.project}/jobs/${encodeURIComponent(job.id)}/snapshots`;
  const snapshot = chosen(await ask(() => listed(client, all)), wanted);
  try {
    out.remark(`cloning ${printable(url)}`);
    await cloneCommit({ url, sha: job.sha, into, environment });
    const { attempt, step, name } = snapshot;
    const archive = await ask(() => client.bytes(`${all}/${attempt}/${step}/archive`));
    const unpacked = await orFailure(unpackArchive(archive, into));
    const told = { job: job.id, project: job.project, sha: job.sha, attempt, step, ...(name && { name }), into };
    out.answer(out.json ? JSON.stringify({ ...told, ...unpacked }, undefined, 2) : sentenceOf(snapshot, job, into));
    const { files, bytes, links, removed } = unpacked;
    out.remark(`${files} files of ${bytes} bytes and ${links} links were put there, ${removed} paths removed`);
    out.remark('look before you run anything in it, git included: a job may have left what its programs obey');
    return EXIT.done;
  } catch (error) {
    for (const name of readdirSync(into)) rmSync(join(into, name), { recursive: true, force: true });
    throw error;
  }
};

const sentenceOf = ({ attempt, step, name = '' }: Snapshot, { id, sha }: Job, into: string): string =>
  printable(`${into} is as step ${step} "${name}" of attempt ${attempt} of ${id} left it, at ${sha}`);

const orFailure = async <Value>(work: Promise<Value>): Promise<Value> => {
  try {
    return await work;
  } catch (error) {
    throw new CommandFailure(EXIT.failed, `the snapshot could not be put there: ${(error as Error).message}`);
  }
};

const emptyDirectory = (path: string): string => {
  try {
    mkdirSync(path, { recursive: true });
    if (readdirSync(path).length === 0) return realpathSync(path);
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `--into: ${(error as Error).message}`);
  }
  throw new CommandFailure(EXIT.usage, `--into: ${path} is not empty`);
};

const jobOf = async ({ job, project }: Wanted, client: ApiClient): Promise<Job> => {
  const id = encodeURIComponent(job);
  if (project === undefined) {
    type Submitted = { pipelineId: string; project: string; sha: string };
    const submitted = await client.get<Submitted>(`/jobs/status?id=${id}`);
    return { id: jobIdOf(submitted.pipelineId, 0), project: submitted.project, sha: submitted.sha };
  }
  const { pipelineId } = await client.get<{ pipelineId: string }>(`/api/${project}/jobs/${id}`);
  const { sha } = await client.get<{ sha: string }>(`/api/${project}/pipelines/${pipelineId}`);
  return { id: job, project, sha };
};

const listed = async (client: ApiClient, path: string): Promise<Snapshot[]> => {
  const found: Snapshot[] = [];
  for (let cursor = ''; ;) {
    type Page = { items: Snapshot[]; nextCursor?: string };
    const page = await client.get<Page>(`${path}?limit=200${cursor && `&cursor=${cursor}`}`);
    found.push(...page.items);
    if (page.nextCursor === undefined) return found;
    cursor = page.nextCursor;
  }
};

/** Of what is asked for the last step of the newest attempt. */
const chosen = (all: readonly Snapshot[], { attempt, step }: Wanted): Snapshot => {
  const fitting = all.filter(
    (each) => (attempt === undefined || each.attempt === attempt) && (step === undefined || each.step === step),
  );
  const found = fitting.at(-1);
  if (!found) {
    const others = all.map((each) => `attempt ${each.attempt} step ${each.step}`).join(', ');
    throw new CommandFailure(
      EXIT.notFound,
      `no such snapshot of this job was kept; there ${others ? `are: ${others}` : 'are none'}`,
    );
  }
  if (found.available) return found;
  throw new CommandFailure(EXIT.failed, `the snapshot was pruned at ${found.prunedAt ?? 'an earlier time'}`);
};
