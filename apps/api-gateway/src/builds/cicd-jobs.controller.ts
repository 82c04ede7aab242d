import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { parseJobNumber, type BuildDoc, type NumberedJob } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadQuery } from '../http/pages.ts';
import { NoBody } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { CancelDeployment } from '../services/cancel-deployment.ts';
import { deploymentJobAnswer } from '../services/deployment-answer.ts';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { buildJobAnswer } from './build-answer.ts';
import { BuildQueries } from './build.queries.ts';
import { CancelBuild } from './cancel-build.ts';

/** What goes on, by the number that the build API has for it (S2-15). */
@Controller('v1/cicd/jobs')
export class CicdJobsController {
  constructor(
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(BuildQueries) private readonly builds: BuildQueries,
    @Inject(CancelBuild) private readonly cancelBuild: CancelBuild,
    @Inject(CancelDeployment) private readonly cancelDeployment: CancelDeployment,
  ) {}

  @Get(':id')
  @Describe('Shows a build or a deployment as a job, with its progress from 0 to 100')
  async show(@Param('id') id: string, @Query() _query: ReadQuery) {
    const { type, number } = jobOf(id);
    if (type === 'deploy') return deploymentJobAnswer(await this.numbered.deployment(String(number)));
    return this.buildJob(await this.numbered.build(String(number)));
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @Describe('Cancels a build or a deployment that goes on; what ran before a deployment runs on', {
    answer: 'The job; pending: nothing has come of the wish yet',
    idempotent: true,
    problems: ['already_finished', 'read_models_behind'],
  })
  async cancel(
    @Param('id') id: string,
    @Body() _body: NoBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { type, number } = jobOf(id);
    if (type === 'deploy') {
      const { doc, pending } = await this.cancelDeployment.record(String(number), request, reply);
      return { ...deploymentJobAnswer(doc), ...(pending && { pending }) };
    }
    const { doc, pending } = await this.cancelBuild.record(String(number), request, reply);
    return { ...(await this.buildJob(doc)), ...(pending && { pending }) };
  }

  private async buildJob(build: BuildDoc) {
    return buildJobAnswer(build, await this.builds.standing(build));
  }
}

const jobOf = (id: string): NumberedJob => {
  const job = parseJobNumber(id);
  if (!job) throw new Refusal('not_found', 'there is no such job');
  return job;
};
