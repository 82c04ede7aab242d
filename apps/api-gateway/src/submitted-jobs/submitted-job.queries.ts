import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  endedJobPrefix,
  jobIdOf,
  openJobPrefix,
  type JobDoc,
  type PipelineDoc,
  type SubmittedJobDoc,
} from '@foldline/contracts';
import { PORT, Refusal, type Page, type ReadStore } from '@foldline/kernel';
import { readPage, type PageQuery } from '../http/pages.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { JobLogs, prunedAt, type JobLog } from '../logs/job-logs.ts';
import { pipelineOfJob } from './job-submissions.ts';
import { JOB_ID } from './submit-job-body.ts';
import {
  OUTCOME_OF,
  standingOf,
  type Standing,
  type StandingStep,
  type SubmittedStatus,
} from './submitted-job-standing.ts';

/** C30: of a step's output the last so many bytes; the log has all of it. */
const OUTPUT_BYTES = 64 * 1024;

export type FoundJob = { submitted: SubmittedJobDoc; job: JobDoc | undefined; standing: Standing };
export type StepOutput = { output: string; isWhole: boolean };

@Injectable()
export class SubmittedJobQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
    @Inject(JobLogs) private readonly logs: JobLogs,
  ) {}

  /** The job that was submitted under this id. */
  async named(id: string): Promise<FoundJob> {
    const submitted = JOB_ID.test(id)
      ? await this.writes.find<SubmittedJobDoc>(COLLECTION.submittedJobs, pipelineOfJob(id))
      : undefined;
    if (!submitted) throw new Refusal('not_found', 'no job was submitted under this id');
    return this.standing(submitted);
  }

  async standing(submitted: SubmittedJobDoc): Promise<FoundJob> {
    const job = await this.reads.get<JobDoc>(COLLECTION.jobs, jobIdOf(submitted.id, 0));
    return { submitted, job, standing: standingOf(submitted, job) };
  }

  pipeline({ id }: SubmittedJobDoc): Promise<PipelineDoc | undefined> {
    return this.reads.get<PipelineDoc>(COLLECTION.pipelines, id);
  }

  /** Newest first; one page may be short where those that wait are told from those that run. */
  async page(status: SubmittedStatus | undefined, query: PageQuery): Promise<Page<FoundJob>> {
    const list = { collection: COLLECTION.submittedJobs, reverse: true } as const;
    const outcome = status && OUTCOME_OF[status];
    const page = await readPage<SubmittedJobDoc>(
      this.reads,
      status === undefined
        ? { ...list, index: 'byPosition' }
        : { ...list, index: 'byOutcome', prefix: outcome === undefined ? openJobPrefix : endedJobPrefix(outcome) },
      query,
    );
    const found = await Promise.all(page.items.map((doc) => this.standing(doc)));
    const items = status === undefined ? found : found.filter(({ standing }) => standing.status === status);
    return { ...page, items };
  }

  /** None of a job that has not begun, or whose output was pruned. */
  log({ job }: FoundJob): Promise<JobLog> | undefined {
    return job && job.attempt > 0 && prunedAt(job, job.attempt) === undefined ? this.logs.of(job) : undefined;
  }

  /** What a step has written, as text. */
  async output({ log: place }: StandingStep, log: JobLog): Promise<StepOutput> {
    if (!place) return { output: '', isWhole: true };
    const end = Math.min(place.end ?? log.bytes, log.bytes);
    const start = Math.max(place.start, end - OUTPUT_BYTES);
    const pieces: Buffer[] = [];
    for await (const { bytes } of this.logs.read(log, start, end)) pieces.push(bytes);
    return { output: Buffer.concat(pieces).toString('utf8'), isWhole: start === place.start };
  }
}
