import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { PipelineRequested, SubmittedJob } from '@foldline/contracts';
import { derivedId, PORT, Refusal, type Cause, type SourceRepository } from '@foldline/kernel';
import { canonicalUrl } from '@foldline/read-models';
import { ProjectQueries } from '../projects/project.queries.ts';
import { ProjectRegistration } from '../projects/project-registration.ts';
import { refuseCredentials } from '../projects/refuse-credentials.ts';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { Admission } from '../triggers/admission.ts';
import { PipelineRequests, type Wanted } from '../triggers/pipeline-requests.ts';
import { namesOfRepository } from './repository-names.ts';

/** The beginning of a commit's id, or all of it. */
const COMMIT = /^[0-9a-f]{7,64}$/;

type Project = Awaited<ReturnType<NumberedQueries['project']>>;
type Request = ReturnType<typeof PipelineRequested>['data'];
export type Submitted = { pipelineId: string; position: number; fresh: boolean };

/** The pipeline of a job by the id that whoever submitted it has given it. */
export const pipelineOfJob = (id: string): string => derivedId('submitted-job', id);

/** The one way to a new submitted job. Its id is what makes it the only one: the same job again is the first one (S1-03). */
@Injectable()
export class JobSubmissions {
  constructor(
    @Inject(PORT.sourceRepository) private readonly source: SourceRepository,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(ProjectRegistration) private readonly registration: ProjectRegistration,
    @Inject(NumberedQueries) private readonly documents: NumberedQueries,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(PipelineRequests) private readonly requests: PipelineRequests,
  ) {}

  /** Refuses with the field of the job that is to blame. */
  async submit(job: SubmittedJob, repository: string, cause: Cause): Promise<Submitted> {
    try {
      return await this.submitted(job, repository, cause);
    } catch (error) {
      throw error instanceof Refusal ? withFieldOf(job, error) : error;
    }
  }

  private async submitted(job: SubmittedJob, repository: string, cause: Cause): Promise<Submitted> {
    const pipelineId = pipelineOfJob(job.id);
    const known = await this.known(pipelineId, job, repository);
    if (known) return known;
    const project = await this.projectOf(repository, cause);
    await this.admission.pipeline(project.id);
    const resolved = await this.resolve(project, job);
    const wanted: Wanted = { pipelineId, ...resolved, source: 'api', variables: {}, submission: job };
    const { position, fresh } = await this.requests.request(project, wanted, cause);
    if (fresh) return { pipelineId, position, fresh };
    return (await this.known(pipelineId, job, repository))!;
  }

  /** The job that is stored under the id, which must be this one. */
  private async known(pipelineId: string, job: SubmittedJob, repository: string): Promise<Submitted | undefined> {
    const stored = await this.requests.recorded(pipelineId);
    if (!stored) return undefined;
    const { submission, project }: Request = stored.data;
    if (!isDeepStrictEqual(submission, job) || canonicalUrl(project.url) !== canonicalUrl(repository))
      throw new Refusal('job_id_taken', `another job was submitted under the id ${job.id}`, { pointer: '/id' });
    return { pipelineId, position: stored.position, fresh: false };
  }

  /** The project of the repository; the first job of one that nobody has registered does so. */
  private async projectOf(url: string, cause: Cause): Promise<Project> {
    refuseCredentials(url, '/repo');
    const [known] = await this.projects.ofUrl(url);
    if (known) return known;
    const names = namesOfRepository(url);
    try {
      const { answer } = await this.registration.register({ ...names, url }, cause);
      return await this.documents.project(answer.id);
    } catch (error) {
      if (!(error instanceof Refusal) || !NAME_TROUBLE.has(error.code)) throw error;
      // Another job of the same repository may have been a little earlier.
      const [late] = await this.projects.ofUrl(url);
      if (late) return late;
      const message = `its project cannot be called ${names.owner}/${names.name}: ${error.message}; register it under another name first`;
      throw new Refusal(error.code, message, { pointer: '/repo' });
    }
  }

  /** S1-04: a commit may be a branch, or the beginning of a commit of the branch. It is of the branch that is named. */
  private async resolve(project: Project, { commit, branch }: SubmittedJob): Promise<Pick<Wanted, 'ref' | 'sha'>> {
    if (commit === undefined) return this.requests.resolve(project, branch ?? project.defaultBranch);
    const found = COMMIT.test(commit) ? await this.inBranch(project, commit, branch) : undefined;
    if (found) return found;
    const named = await this.requests.resolve(project, commit);
    const isOfBranch = branch === undefined || (named.ref.kind === 'branch' && named.ref.name === branch);
    return isOfBranch ? named : (await this.inBranch(project, named.sha, branch))!;
  }

  private async inBranch(
    project: Project,
    digits: string,
    branch: string | undefined,
  ): Promise<Pick<Wanted, 'ref' | 'sha'> | undefined> {
    const name = branch ?? project.defaultBranch;
    const head = await this.source.resolveRef(project.url, name, 'branch');
    if (head) {
      const { id: projectId, url } = project;
      await this.source.fetchCommit({ projectId, url, ref: name, sha: head.sha });
      const sha = await this.source.findCommit(projectId, { digits, historyOf: head.sha });
      if (sha !== undefined) return { ref: { name, kind: 'branch' }, sha };
    }
    if (branch === undefined) return undefined;
    const message = head
      ? `the branch "${branch}" has no commit ${digits}, or more than one that begins so`
      : `the repository has no branch "${branch}"`;
    throw new Refusal('unknown_ref', message, { pointer: head ? '/commit' : '/branch' });
  }
}

const NAME_TROUBLE = new Set(['project_exists', 'invalid_name']);
const REPOSITORY_TROUBLE = new Set(['invalid_url', 'repository_unreachable', 'empty_repository']);
const REF_TROUBLE = new Set(['invalid_ref', 'unknown_ref']);
const FIELDS: ReadonlySet<unknown> = new Set(['/id', '/repo', '/commit', '/branch']);

/** Projects and pipelines have other names for what a job calls `repo`, `commit` and `branch`. */
const withFieldOf = ({ commit }: SubmittedJob, refusal: Refusal): Refusal => {
  const { code, message, fields } = refusal;
  if (FIELDS.has(fields['pointer'])) return refusal;
  const ofRef = REF_TROUBLE.has(code);
  if (!ofRef && !REPOSITORY_TROUBLE.has(code)) return refusal;
  const pointer = !ofRef ? '/repo' : commit === undefined ? '/branch' : '/commit';
  return new Refusal(code, message, { ...fields, pointer });
};
