import { jobNamed, until, type PipelineAnswer, type Sandbox } from '@foldline/client';

const ESCAPE = '\u001b';

/** What the job itself printed: the log without the lines of the system and without the commands it repeats. */
export const outputOf = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !line.startsWith(ESCAPE))
    .join('\n');

/** What a job printed whose pipeline has rested, once its log is sealed: that is a moment after its end. */
export const outputOfJob = async (sandbox: Sandbox, pipeline: PipelineAnswer, name: string): Promise<string> => {
  const { id } = jobNamed(pipeline, name);
  const isSealed = async () => jobNamed(await sandbox.pipeline(pipeline.id), name).log !== undefined;
  await until(`the log of ${name} to be sealed`, isSealed);
  return outputOf(await sandbox.log(id)).trim();
};
