import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { IsIn, IsObject, IsOptional, IsString, Length, Matches } from 'class-validator';
import { ReadQuery } from '../http/pages.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { checkedVariables } from '../triggers/variable-rules.ts';
import { PLAN_EVENTS, type PlanEvent } from '@foldline/pipeline-language';
import { Definitions } from './definitions.ts';

export class PlanPreviewQuery extends ReadQuery {
  @IsOptional()
  @IsString()
  @Length(1, 255)
  ref?: string;

  @IsOptional()
  @IsIn(PLAN_EVENTS)
  event?: PlanEvent;

  /** What the branch pointed to before the push, for rules about changed files. */
  @IsOptional()
  @Matches(/^[0-9a-f]{40}$/, { message: 'before must be the full id of a commit' })
  before?: string;

  /** `?variables[KEY]=value`. */
  @IsOptional()
  @IsObject()
  variables?: Record<string, unknown>;
}

@Controller('api/:owner/:repo/plan-preview')
export class PlanPreviewController {
  constructor(
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(Definitions) private readonly definitions: Definitions,
  ) {}

  @Get()
  @Describe('Shows the plan that a pipeline would have, without starting one', {
    answer: 'What was asked for, and the plan; or the problems and decisions for which there would be none',
    problems: [
      'unknown_ref',
      'invalid_ref',
      'invalid_variable',
      'repository_unreachable',
      'too_many_definitions',
      'unavailable',
      'read_models_behind',
    ],
  })
  async preview(@Param('owner') owner: string, @Param('repo') repo: string, @Query() query: PlanPreviewQuery) {
    const variables = checkedVariables(query.variables ?? {});
    const project = await this.projects.current(owner, repo);
    const { ref = project.defaultBranch, event = 'push', before } = query;
    return this.definitions.preview(project, { ref, event, variables, ...(before && { before }) });
  }
}
