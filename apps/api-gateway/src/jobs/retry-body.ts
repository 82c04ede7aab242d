import type { JobDoc, Resume } from '@foldline/contracts';
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import { invalidRequest } from '../http/validation.pipe.ts';

const MOST_STEPS = 100;

/** Without anything every step is carried out again. */
export class RetryBody {
  static readonly isOptional: boolean = true;

  /** Goes on behind the last step that went well, where its state was kept. */
  @IsOptional()
  @IsBoolean()
  resume?: boolean;

  /** The step to begin with, from 0: those before it are not carried out again where their state was kept. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_STEPS)
  fromStep?: number;
}

/** Refuses a step that the job does not have. */
export const refuseStep = ({ before = 0 }: Resume = {}, { stepCount }: Pick<JobDoc, 'stepCount'>): void => {
  if (before < stepCount || before === 0) return;
  throw invalidRequest([
    { pointer: '/fromStep', message: `it is behind the last step of the job, which has ${stepCount} of them` },
  ]);
};

export const resumeOf = ({ resume, fromStep }: RetryBody): { resume?: Resume } => {
  if (typeof fromStep === 'number') return { resume: { before: fromStep } };
  return resume === true ? { resume: {} } : {};
};
