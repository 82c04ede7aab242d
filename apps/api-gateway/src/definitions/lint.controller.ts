import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { pathProblem } from '@foldline/contracts';
import { IsObject, IsOptional, IsString, Length } from 'class-validator';
import { invalidRequest, pointerTo, type FieldError } from '../http/validation.pipe.ts';
import { Describe } from '../openapi/describe.ts';
import { ProjectQueries } from '../projects/project.queries.ts';
import { Definitions, type Linted, type LintRequest } from './definitions.ts';

const MAX_FILES = 150;
const SHOWN = 100;

export class LintBody {
  @IsString()
  definition!: string;

  @IsOptional()
  @IsString()
  @Length(1, 1024)
  file?: string;

  /** Texts by path. */
  @IsOptional()
  @IsObject()
  files?: Record<string, unknown>;

  /** An id, or `owner/name`. */
  @IsOptional()
  @IsString()
  @Length(1, 201)
  project?: string;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  ref?: string;
}

@Controller('api/v1/lint')
export class LintController {
  constructor(
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
    @Inject(Definitions) private readonly definitions: Definitions,
  ) {}

  @Post()
  @HttpCode(200)
  @Describe('Tells every problem of a definition, and records nothing', {
    answer: 'valid: no problem is an error; problems: each with its place and its page',
    problems: [
      'not_found',
      'unknown_ref',
      'invalid_ref',
      'repository_unreachable',
      'too_many_definitions',
      'unavailable',
      'read_models_behind',
    ],
  })
  async lint(@Body() { definition, file, files = {}, project, ref }: LintBody): Promise<Linted> {
    const errors = [...pathErrors(file), ...filesErrors(files), ...refErrors(project, ref)];
    if (errors.length > 0) throw invalidRequest(errors.slice(0, SHOWN));
    const texts = files as Record<string, string>;
    const commit = project === undefined ? undefined : await this.commit(project, ref);
    return this.definitions.lint({ definition, files: texts, ...(file && { file }), ...(commit && { commit }) });
  }

  private async commit(given: string, ref: string | undefined): Promise<NonNullable<LintRequest['commit']>> {
    const project = await this.projects.identified(given);
    return { project, ref: ref ?? project.defaultBranch };
  }
}

const pathErrors = (file: string | undefined): FieldError[] => {
  const problem = file === undefined ? undefined : pathProblem(file);
  return problem ? [{ pointer: '/file', message: `file ${problem}` }] : [];
};

const filesErrors = (files: Readonly<Record<string, unknown>>): FieldError[] => {
  const entries = Object.entries(files);
  if (entries.length > MAX_FILES) return [{ pointer: '/files', message: `files has at most ${MAX_FILES} entries` }];
  return entries.flatMap(([path, text]) => {
    const problem = pathProblem(path) ?? (typeof text === 'string' ? undefined : 'must be a string');
    const name = path.slice(0, SHOWN);
    return problem ? [{ pointer: `/files${pointerTo(name)}`, message: `${name} ${problem}` }] : [];
  });
};

const refErrors = (project: string | undefined, ref: string | undefined): FieldError[] =>
  ref !== undefined && project === undefined
    ? [{ pointer: '/ref', message: 'ref is one of a project, which must be given' }]
    : [];
