import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { JobDoc, SnapshotDoc } from '@foldline/contracts';
import { PORT, type ObjectStore } from '@foldline/kernel';
import { attachment } from '../http/attachment.ts';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery } from '../http/pages.ts';
import { tarArchive } from '../http/tar-archive.ts';
import { Describe } from '../openapi/describe.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { snapshotMembers } from './snapshot-members.ts';
import { SnapshotQueries } from './snapshot.queries.ts';

const summaryFor =
  ({ steps }: JobDoc) =>
  ({ attempt, step, files, bytes, takenAt, prunedAt }: SnapshotDoc) => {
    const name = steps.find((each) => each.attempt === attempt && each.step === step)?.name;
    const shown = { attempt, step, ...(name !== undefined && { name }), files, bytes, takenAt };
    return { ...shown, available: prunedAt === undefined, ...(prunedAt !== undefined && { prunedAt }) };
  };

/** The states between the steps of a job, for people who look for what went wrong (S1-29). */
@Controller('api/:owner/:repo/jobs/:id/snapshots')
export class SnapshotsController {
  constructor(
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(SnapshotQueries) private readonly snapshots: SnapshotQueries,
  ) {}

  @Get()
  @Describe('Lists what the steps of a job have made, as it was kept behind each', {
    answer: 'By attempt and step, both as they are counted: attempts from 1, steps from 0',
  })
  async list(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    return answerPage(await this.snapshots.page(job, query), summaryFor(job), request, reply);
  }

  @Get(':attempt/:step/archive')
  @Describe('Downloads what lay upon the checkout behind a step: caches, and what the steps have made', {
    answer: 'A .tar.gz archive: the files below workspace/, and in gone what is to be removed of the checkout',
    produces: ['application/gzip'],
    problems: ['snapshot_pruned'],
  })
  async archive(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Param('attempt') attempt: string,
    @Param('step') step: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    const snapshot = await this.snapshots.available(job, attempt, step);
    const trees = await this.snapshots.trees(snapshot);
    const members = snapshotMembers(trees, new Date(snapshot.takenAt), this.objects);
    const name = `${job.id}-${snapshot.attempt}-${snapshot.step}.tar.gz`;
    void reply.header('content-disposition', attachment(name)).type('application/gzip').send(tarArchive(members));
  }
}
