import {
  COLLECTION,
  mayCall,
  type JobDoc,
  type KeptAttempt,
  type PipelineDoc,
  type ProjectRef,
} from '@foldline/contracts';
import { everyDocument, projectIdOf, type ReadStore } from '@foldline/kernel';
import { NEWEST_PIPELINES, unread, type KeptLocation, type NotFound, type ReadBytes } from './elsewhere.ts';
import type { ProjectTools } from './read-project-files.ts';

export type KeptTools = Pick<ProjectTools, 'findProject'> & {
  /** Documents that show what had happened when the pipeline was asked for, or more. */
  documents: () => Promise<Pick<ReadStore, 'query'>>;
};
export type ReadKept = (location: KeptLocation) => Promise<ReadBytes | NotFound>;

const ENDED = new Set<JobDoc['status']>(['success', 'failed', 'timed_out']);

/** Finds the attempts of a job of another pipeline that count: of a parent the last that ended, of a project one that succeeded. */
export const keptReader = ({ documents, findProject }: KeptTools, asking: ProjectRef): ReadKept => {
  const known = new Map<string, Promise<JobDoc[]>>();
  const jobsOf = (pipelineId: string): Promise<JobDoc[]> => {
    const jobs = known.get(pipelineId) ?? allJobsOf(pipelineId, documents);
    known.set(pipelineId, jobs);
    return jobs;
  };
  return async (location) => {
    if ('pipeline' in location) {
      const jobs = named(location.job, await jobsOf(location.pipeline)).filter(
        ({ projectId }) => projectId === asking.id,
      );
      return asBytes(jobs.length > 0 ? jobs.flatMap(lastEnded) : null);
    }
    const { project, ref, job } = location;
    const [owner = '', name = ''] = project.split('/');
    const found = await findProject(projectIdOf(owner, name));
    if (!found || !mayCall(found, `${asking.owner}/${asking.name}`)) return notAllowed(location, asking);
    const { items } = await (
      await documents()
    ).query<PipelineDoc>(COLLECTION.pipelines, {
      index: 'byProject',
      prefix: `${found.id}/`,
      reverse: true,
      limit: NEWEST_PIPELINES,
    });
    for (const { id, sha } of items.filter((each) => each.ref === ref)) {
      const succeeded = named(job, await jobsOf(id)).filter(({ status }) => status === 'success');
      if (succeeded.length > 0) return { ...asBytes(succeeded.flatMap(lastEnded)), at: sha };
    }
    return asBytes([]);
  };
};

const allJobsOf = async (pipelineId: string, documents: KeptTools['documents']): Promise<JobDoc[]> => {
  const jobs: JobDoc[] = [];
  const ofPipeline = { index: 'byPipeline', prefix: `${pipelineId}/` };
  for await (const job of everyDocument<JobDoc>(await documents(), COLLECTION.jobs, ofPipeline)) jobs.push(job);
  return jobs;
};

/** All its copies, or the one of that name. */
const named = (name: string, jobs: readonly JobDoc[]): JobDoc[] =>
  jobs.filter((job) => job.name === name || job.definition === name);

/** One that runs again has kept what it kept before. */
const lastEnded = ({ id: jobId, attempt, status }: JobDoc): KeptAttempt[] => {
  const ended = ENDED.has(status) ? attempt : attempt - 1;
  return ended > 0 ? [{ jobId, attempt: ended }] : [];
};

const asBytes = (attempts: readonly KeptAttempt[] | null): ReadBytes => ({
  bytes: new TextEncoder().encode(JSON.stringify(attempts)),
});

/** Whoever may not call a project does not learn either whether it is there. */
const notAllowed = (location: KeptLocation, { owner, name }: ProjectRef): NotFound =>
  unread(
    location,
    'include-not-allowed',
    `is of no project that lets \`${owner}/${name}\` have its artifacts`,
    'Whoever runs that project may allow it by `PUT /api/:owner/:repo/callers`.',
  );
