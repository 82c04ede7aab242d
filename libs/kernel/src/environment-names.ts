import { createHash } from 'node:crypto';

const SLUG_LENGTH = 24;
const SUFFIX_LENGTH = 6;

/**
 * The name of an environment as part of a host name: at most 24 letters, digits and hyphens, the first of them a letter.
 * Where that is not the name itself a suffix made of the name tells it from others that would look the same.
 */
export const environmentSlug = (name: string): string => {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const slug = /^[a-z]/.test(plain) ? plain : `env-${plain.replace(/^-/, '')}`;
  if (slug === name && slug.length <= SLUG_LENGTH && !slug.endsWith('-')) return slug;
  const start = slug.slice(0, SLUG_LENGTH - SUFFIX_LENGTH - 1).replace(/-+$/, '');
  return `${start}-${suffixOf(name)}`;
};

const suffixOf = (name: string): string =>
  BigInt(`0x${createHash('sha256').update(name).digest('hex')}`)
    .toString(36)
    .slice(-SUFFIX_LENGTH);

/** What the name of an environment says of its use, as GitLab reads it; the first that fits counts. */
const TIERS: readonly (readonly [tier: string, pattern: RegExp])[] = [
  ['development', /dev|review|trunk/i],
  ['testing', /test|tst|int|acc?e?pt|qa|qc|control|quality/i],
  ['staging', /sta?g|mode?l|pre|demo|non/i],
  ['production', /pro?d|live/i],
];

export const tierOf = (name: string): string => TIERS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other';
