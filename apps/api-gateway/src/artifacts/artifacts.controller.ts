import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { ArtifactDoc, JobDoc, TreeEntry } from '@foldline/contracts';
import { PermanentError, PORT, type ObjectStore } from '@foldline/kernel';
import { IsOptional, IsString, Length } from 'class-validator';
import { attachment } from '../http/attachment.ts';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { tarArchive, type TarMember } from '../http/tar-archive.ts';
import { Describe } from '../openapi/describe.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { ArtifactQueries } from './artifact.queries.ts';

export class ArtifactsQuery {
  /** One file of the artifacts. */
  @IsOptional()
  @IsString()
  @Length(1, 1024)
  path?: string;
}

const summary = ({ projectId: _projectId, manifestDigest: _manifestDigest, ...artifact }: ArtifactDoc) => artifact;

@Controller('api/:owner/:repo/jobs/:id/artifacts')
export class ArtifactsController {
  constructor(
    @Inject(PORT.objectStore) private readonly objects: ObjectStore,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(ArtifactQueries) private readonly artifacts: ArtifactQueries,
  ) {}

  @Get()
  @Describe('Downloads the artifacts of a job as one archive, one file of them (?path=), or lists them', {
    answer: 'A .tar.gz archive; a list when Accept asks for application/json',
    produces: ['application/gzip', 'application/octet-stream', 'application/json'],
    problems: ['artifact_expired'],
  })
  async show(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Query() { path }: ArtifactsQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.pipelines.job(await this.projects.named(owner, repo), id);
    if (path !== undefined) return this.sendFile(job, path, reply);
    if (!(request.headers.accept ?? '').includes('application/json')) return this.sendArchive(job, reply);
    void reply.send({ items: (await this.artifacts.of(job)).map(summary) });
  }

  @Get('files/*')
  @Describe('Downloads one file of the artifacts of a job', {
    answer: 'The file, always as an attachment',
    produces: ['application/octet-stream'],
    problems: ['artifact_expired'],
  })
  async file(
    @Param('owner') owner: string,
    @Param('repo') repo: string,
    @Param('id') id: string,
    @Param('*') path: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.sendFile(await this.pipelines.job(await this.projects.named(owner, repo), id), path, reply);
  }

  private async sendFile(job: JobDoc, path: string, reply: FastifyReply): Promise<void> {
    const { digest, size } = await this.artifacts.file(
      await this.artifacts.available(job, ['archive', 'reports']),
      path,
    );
    const content = await this.objects.get(digest);
    if (!content) throw new PermanentError(`the file ${path} of job ${job.id} is missing`);
    const headers = { 'content-disposition': attachment(path.split('/').at(-1)!), 'content-length': String(size) };
    void reply.headers(headers).header('etag', `"${digest}"`).type('application/octet-stream').send(content);
  }

  private async sendArchive(job: JobDoc, reply: FastifyReply): Promise<void> {
    const available = await this.artifacts.available(job, ['archive']);
    const entries = new Map<string, TreeEntry>();
    for (const artifact of available) {
      for (const entry of await this.artifacts.entriesOf(artifact)) entries.set(entry.path, entry);
    }
    const [first] = available;
    const name = available.length === 1 ? first!.name : 'artifacts';
    // The same for all, so that the same artifact is the same bytes.
    const mtime = new Date(first!.committedAt);
    const archive = tarArchive([...entries.values()].map((entry) => this.memberOf(entry, mtime)));
    void reply
      .header('content-disposition', attachment(`${name}.tar.gz`))
      .type('application/gzip')
      .send(archive);
  }

  /** Entries come from `parseManifest`, so none names a place outside. */
  private memberOf(entry: TreeEntry, mtime: Date): TarMember {
    if (entry.kind !== 'file') return { ...entry, mtime };
    const content = async () => {
      const stored = await this.objects.get(entry.digest);
      if (!stored) throw new PermanentError(`the file ${entry.path} of an artifact is missing`);
      return stored;
    };
    return { ...entry, mtime, content };
  }
}
