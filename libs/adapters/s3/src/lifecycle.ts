import { isDeepStrictEqual } from 'node:util';
import { AccessDenied, PermanentError } from '@foldline/kernel';
import type { S3Bucket } from './s3-bucket.ts';
import { s3Code } from './s3-errors.ts';

/** Uploads never completed below the prefix go away after so many days; so do the objects themselves where asked for. */
export type S3Expiry = { id: string; prefix: string; days: number; objectsToo: boolean };

type Rule = { ID?: string };

/** Servers that keep no such rules, or keys that may not set them. */
const NOT_FOR_US = new Set(['AccessDenied', 'MethodNotAllowed', 'NotImplemented']);

/**
 * Sets the rules once; the bucket's other rules stay. Answers false where server or key do not allow it: then
 * somebody else has to clear away what crashes leave behind, and nothing else suffers.
 */
export const ensureExpiry = async (bucket: S3Bucket, wanted: readonly S3Expiry[]): Promise<boolean> => {
  try {
    const present = await rulesOf(bucket);
    const rules = wanted.map(ruleOf);
    const missing = rules.filter((rule) => !present.some((other) => isSame(other, rule)));
    if (missing.length === 0) return true;
    const others = present.filter((rule) => !rules.some(({ ID }) => ID === rule.ID));
    await bucket.call('set the lifecycle of the bucket', () =>
      bucket.client.setBucketLifecycle(bucket.name, { Rule: [...others, ...rules] as never }),
    );
    return true;
  } catch (error) {
    const cause = causeOf(error);
    if (NOT_FOR_US.has(s3Code(cause) ?? '')) return false;
    throw error;
  }
};

/** What the server said, below our own words for it. */
const causeOf = (error: unknown): unknown =>
  error instanceof PermanentError || error instanceof AccessDenied ? error.cause : error;

const ruleOf = ({ id, prefix, days, objectsToo }: S3Expiry) => ({
  ID: id,
  Filter: { Prefix: prefix },
  Status: 'Enabled',
  ...(objectsToo ? { Expiration: { Days: days } } : {}),
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: days },
});

const isSame = (found: Rule, wanted: Rule): boolean => isDeepStrictEqual(textsOf(found), textsOf(wanted));

/** Numbers of an answer come as numbers or texts, by server. */
const textsOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, textsOf(inner)]))
    : String(value);

const rulesOf = async (bucket: S3Bucket): Promise<Rule[]> => {
  try {
    const found: unknown = await bucket.call('read the lifecycle of the bucket', () =>
      bucket.client.getBucketLifecycle(bucket.name),
    );
    const rules = typeof found === 'object' && found !== null && 'Rule' in found ? found.Rule : [];
    return (Array.isArray(rules) ? rules : [rules]) as Rule[];
  } catch (error) {
    const cause = causeOf(error);
    if (s3Code(cause) === 'NoSuchLifecycleConfiguration') return [];
    throw error;
  }
};
