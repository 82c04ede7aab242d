import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { COLLECTION, type AlertDoc, type ProjectDoc } from '@foldline/contracts';
import { PORT, type ReadStore } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { answerPage, PageQuery, readPage } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';

/** For whoever runs the instance. */
@Controller('api/v1/alerts')
export class FiringAlertsController {
  constructor(@Inject(PORT.readStore) private readonly reads: ReadStore) {}

  @Get()
  @Describe('Lists the alerts of all projects that go on, by rule')
  async list(
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await readPage<AlertDoc>(this.reads, { collection: COLLECTION.alerts, index: 'firing' }, query);
    const projects = new Map<string, string | null>();
    for (const { projectId } of page.items) {
      const doc = await this.reads.get<ProjectDoc>(COLLECTION.projects, projectId);
      projects.set(projectId, doc ? `${doc.owner}/${doc.name}` : null);
    }
    const answer = ({ id, projectId, rule, value, threshold, count, firedAt }: AlertDoc) => ({
      id,
      project: projects.get(projectId) ?? null,
      rule,
      value,
      threshold,
      count,
      firedAt,
    });
    return answerPage(page, answer, request, reply);
  }
}
