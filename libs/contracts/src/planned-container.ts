/** When an image is fetched; of several, the next is taken where one fails. */
export type PullPolicy = 'always' | 'if-not-present' | 'never';

export type ContainerOptions = {
  /** Replaces the image's own; an empty list, or one empty text, takes it away. */
  entrypoint?: string[];
  pullPolicy?: PullPolicy[];
  /** As `docker run --user` has it. */
  user?: string;
  /** As `docker run --platform` has it, for example `linux/arm64`. */
  platform?: string;
};

/** A container beside that of the job, which reaches it by its aliases and by names that its image gives it. */
export type PlannedService = ContainerOptions & {
  image: string;
  aliases?: string[];
  /** Replaces the image's own. */
  command?: string[];
  /** Besides those of the job; they win. */
  variables?: Record<string, string>;
  /** Names of those whose values are taken as they are. */
  rawVariables?: string[];
};

export const serviceOf = (planned: string | PlannedService): PlannedService =>
  typeof planned === 'string' ? { image: planned } : planned;
