import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { pipelineContext, plan, problem, text, upstream } from './shared.schemas.ts';

export const PipelinePlanned = defineEvent(
  'PipelinePlanned',
  1,
  z.object({ pipelineId: text, context: pipelineContext, plan }),
);

/** The definition could not become a plan; every problem at once. */
export const PlanRejected = defineEvent(
  'PlanRejected',
  1,
  z.object({
    pipelineId: text,
    problems: z.array(problem).min(1),
    /** Whose definition it is; absent where no commit could be fetched, and in the events of early releases. */
    commit: z.object({ sha: text, message: text }).optional(),
    /** The job that had asked for it. */
    upstream: upstream.optional(),
  }),
);
