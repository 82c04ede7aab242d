import type { JobDefinition } from './definition.ts';
import { copyCount, expandCopies, type Copy } from './expand-matrix.ts';

/** A job that is in the pipeline, or some of its copies, as its rules make them. */
export type Selected = {
  job: JobDefinition;
  /** Nothing when all of its copies are. */
  only?: readonly Copy[];
};

/** Known without making them. */
export const countOf = ({ job, only }: Selected): number => only?.length ?? copyCount(job.settings);

export const copiesOf = ({ job, only }: Selected): readonly Copy[] => only ?? expandCopies(job.name, job.settings);
