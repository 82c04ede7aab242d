import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { parseJobNumber } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { buildJobAnswer } from './build-answer.ts';
import { deploymentJobAnswer } from '../services/deployment-answer.ts';
import { BuildQueries } from './build.queries.ts';

/** What goes on, by the number that the build API has for it (S2-15). */
@Controller('v1/cicd/jobs')
export class CicdJobsController {
  constructor(
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(BuildQueries) private readonly builds: BuildQueries,
  ) {}

  @Get(':id')
  @Describe('Shows a build or a deployment as a job, with its progress from 0 to 100')
  async show(@Param('id') id: string, @Query() _query: ReadQuery) {
    const job = parseJobNumber(id);
    if (!job) throw new Refusal('not_found', 'there is no such job');
    if (job.type === 'deploy') return deploymentJobAnswer(await this.numbered.deployment(String(job.number)));
    const build = await this.numbered.build(String(job.number));
    return buildJobAnswer(build, await this.builds.standing(build));
  }
}
