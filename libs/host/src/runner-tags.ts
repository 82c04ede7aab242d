import { z } from 'zod';

const TAG = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;
const MOST = 50;

/** The tags that a text lists, each once; nothing when one of them is none. */
export const tagsIn = (text: string, separator: string): string[] | undefined => {
  const tags = text.split(separator).map((tag) => tag.trim());
  return tags.length <= MOST && tags.every((tag) => TAG.test(tag)) ? [...new Set(tags)] : undefined;
};

/** `FOLDLINE_RUNNER_TAGS`: what jobs may ask of a runner by name. */
export const runnerTags = z.string().transform((text, context): string[] => {
  const tags = tagsIn(text, ',');
  if (tags) return tags;
  context.addIssue(
    `must be a list of at most ${MOST} tags of letters, digits and ._/-, separated by commas, for example "linux,gpu"`,
  );
  return z.NEVER;
});
