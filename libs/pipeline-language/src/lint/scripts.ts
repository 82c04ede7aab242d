import type { JobDefinition } from '../definition.ts';
import type { Located } from '../read.ts';

/** What one shell is given, as the runner puts it together. */
export type Script = {
  job: JobDefinition;
  name: 'pre_get_sources_script' | 'script' | 'after_script';
  commands: readonly Located<string>[];
  /** Whether bash runs it: an image has whatever shell it has. */
  isBash: boolean;
};

export const scriptsOf = (job: JobDefinition): Script[] => {
  const { before_script: before = [], script = [], after_script: after = [], hooks = {}, image } = job.settings;
  const isBash = image === undefined;
  return [
    { job, name: 'pre_get_sources_script' as const, commands: hooks.pre_get_sources_script ?? [], isBash },
    { job, name: 'script' as const, commands: [...before, ...script], isBash },
    { job, name: 'after_script' as const, commands: after, isBash },
  ].filter(({ commands }) => commands.length > 0);
};
