import { isPlainRef } from '@foldline/kernel';

/** What files are compared with; where it is of no kind, a branch, or else a tag, or else the commit of these digits. */
export type Base = { sha: string } | { name: string; kind?: 'branch' | 'tag'; digits?: string };

const SHA = /^[0-9a-f]{40}$/;
const DIGITS = /^[0-9a-f]{7,39}$/;
const FULL_NAME = /^refs\/(heads|tags)\/(.*)$/s;

/**
 * What `compare_to` names, told by its looks, so that a server and a working copy look up the same; nothing for what
 * only git would understand, such as `main~1`, or `HEAD`, which is another commit everywhere.
 */
export const baseOf = (text: string): Base | undefined => {
  if (SHA.test(text)) return { sha: text };
  const [, of, name = text] = FULL_NAME.exec(text) ?? [];
  if (!isPlainRef(name) || name === 'HEAD') return undefined;
  if (of !== undefined) return { name, kind: of === 'heads' ? 'branch' : 'tag' };
  return { name, ...(DIGITS.test(name) && { digits: name }) };
};
