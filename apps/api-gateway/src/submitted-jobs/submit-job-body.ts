import { posix } from 'node:path';
import { MAX_CACHE_KEYS, MAX_SUBMITTED_STEPS, type SubmittedJob, type SubmittedStep } from '@foldline/contracts';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { isLockfile, LOCKFILES } from '@foldline/pipeline-language';
import { IsImageName } from '../http/is-image-name.ts';
import { ListOf } from '../http/list-of.ts';
import { textsIn } from '../http/texts-in.ts';
import { invalidRequest, type FieldError } from '../http/validation.pipe.ts';

/** S1-30, S1-32; the timeouts are those of the seed's samples. */
export const SUBMITTED_DEFAULTS = { priority: 5, retries: 3, timeout: 600 } as const;
const MAX_TIMEOUT = 24 * 3600;
const MAX_RUN = 64 * 1024;
/** What can stand in an address and in a list without being escaped. */
export const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const PATH = /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\\\r\n$]{1,512}$/;
const DIRECTORY = /^[^\0\r\n]{1,1024}$/;
const ONE_LINE = /^[^\p{Cc}]{1,200}$/u;

export class SubmittedStepBody {
  @Matches(ONE_LINE, { message: 'a name is one line of 1 to 200 characters' })
  name!: string;

  @IsString()
  @Length(1, MAX_RUN)
  run!: string;

  @IsOptional()
  @Matches(DIRECTORY, { message: 'workingDir is one line of 1 to 1024 characters' })
  workingDir?: string;

  @IsOptional()
  @IsObject()
  env?: Record<string, unknown>;

  @IsOptional()
  @IsBoolean()
  continueOnError?: boolean;

  @IsOptional()
  @IsBoolean()
  resumable?: boolean;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_TIMEOUT)
  timeout?: number;
}

/** A job as seed 001 submits it (S1-01, S1-02), with an image to run it in and the number of further attempts besides. */
export class SubmitJobBody {
  @IsOptional()
  @Matches(JOB_ID, { message: 'an id has 1 to 128 letters, digits and . _ : -, and begins with a letter or digit' })
  id?: string;

  @IsString()
  @Length(1, 2048)
  repo!: string;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  commit?: string;

  @IsOptional()
  @IsString()
  @Length(1, 255)
  branch?: string;

  @ListOf(SubmittedStepBody)
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_SUBMITTED_STEPS)
  steps!: SubmittedStepBody[];

  @IsOptional()
  @IsObject()
  env?: Record<string, unknown>;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_CACHE_KEYS)
  @ArrayUnique()
  @Matches(PATH, { each: true, message: 'each lockfile is a path inside the repository, without variables' })
  cacheKeys?: string[];

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_TIMEOUT)
  timeout?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(10)
  priority?: number;

  @IsOptional()
  @IsImageName()
  image?: string;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(10)
  retries?: number;

  @IsOptional()
  @IsBoolean()
  interruptible?: boolean;
}

/** What is submitted, with what was left out filled in. Refuses with every mistake. */
export const submittedJobOf = (id: string, body: SubmitJobBody): SubmittedJob => {
  const errors: FieldError[] = [];
  const { commit, branch, image } = body;
  const cacheKeys = body.cacheKeys && [...new Set(body.cacheKeys.map((path) => posix.normalize(path)))];
  for (const [index, path] of (cacheKeys ?? []).entries())
    if (!isLockfile(path)) errors.push(notALockfile(index, path));
  const job: SubmittedJob = {
    id,
    ...(commit !== undefined && { commit }),
    ...(branch !== undefined && { branch }),
    steps: body.steps.map((step, index) => stepOf(step, `/steps/${index}`, errors)),
    env: textsIn('/env', body.env, errors) ?? {},
    ...(cacheKeys && { cacheKeys }),
    ...(image !== undefined && { image }),
    timeout: body.timeout ?? SUBMITTED_DEFAULTS.timeout,
    priority: body.priority ?? SUBMITTED_DEFAULTS.priority,
    retries: body.retries ?? SUBMITTED_DEFAULTS.retries,
    ...(body.interruptible === true && { interruptible: true }),
  };
  if (errors.length > 0) throw invalidRequest(errors);
  return job;
};

/** Said at once: nothing would ever be kept, and nobody would know why (S1-26). */
const notALockfile = (index: number, path: string): FieldError => ({
  pointer: `/cacheKeys/${index}`,
  message: `of ${path} nothing is known that could be kept: name a lockfile (${LOCKFILES.join(', ')})`,
});

const stepOf = (
  { name, run, workingDir, env, continueOnError, resumable, timeout }: SubmittedStepBody,
  pointer: string,
  errors: FieldError[],
): SubmittedStep => {
  if (run.includes('\0')) errors.push({ pointer: `${pointer}/run`, message: 'a command has no NUL character' });
  const texts = textsIn(`${pointer}/env`, env, errors);
  return {
    name,
    run,
    ...(typeof workingDir === 'string' && { workingDir }),
    ...(texts && { env: texts }),
    ...(continueOnError === true && { continueOnError }),
    ...(resumable === false && { resumable }),
    ...(typeof timeout === 'number' && { timeout }),
  };
};
