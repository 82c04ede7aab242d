import { COLLECTION, attemptIdOf, type JobDoc, type PipelineDoc } from '@foldline/contracts';
import { everyDocument, type Ports } from '@foldline/kernel';

const CATCH_UP_MS = 60_000;

type Shown = Pick<Ports, 'eventStore' | 'readStore' | 'readModels' | 'settings'>;

/**
 * Attempts of this process's runners that have a start and no end in the log. The directories of attempts say the same
 * after a crash; after a power cut the last of them may be missing, and the log is not.
 */
export const attemptsUnderWay = async ({ eventStore, readStore, readModels, settings }: Shown): Promise<string[]> => {
  if (!(await readModels.reached(await eventStore.lastPosition(), CATCH_UP_MS)))
    throw new Error('the read models do not catch up with the log');
  const own = new Set(settings.runners.map(({ id }) => id));
  const found: string[] = [];
  for await (const pipeline of everyDocument<PipelineDoc>(readStore, COLLECTION.pipelines, { index: 'active' })) {
    const ofPipeline = { index: 'byPipeline', prefix: `${pipeline.id}/` };
    for await (const job of everyDocument<JobDoc>(readStore, COLLECTION.jobs, ofPipeline)) {
      if (job.status === 'running' && own.has(job.runnerId ?? '')) found.push(attemptIdOf(job.id, job.attempt));
    }
  }
  return found;
};
