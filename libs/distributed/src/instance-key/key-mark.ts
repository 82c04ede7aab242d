import { createHash } from 'node:crypto';
import { aesSecretBox } from '@foldline/host';
import { PermanentError } from '@foldline/kernel';

/** No other sealed value has this context, so none can take the place of a mark. */
const CONTEXT = 'instance:secret-key';
const CLEAR = 'the key that this instance was begun with';
const SEALED = /^v1\.[\w-]{40,200}$/;

/**
 * What a key is recognised by without being told: a known text that it has sealed. Whoever reads it learns nothing about
 * the key, and the same key never makes the same mark twice.
 */
export const markOf = (key: Buffer): Buffer => {
  const sealed = aesSecretBox(key).seal(CLEAR, CONTEXT);
  return Buffer.from(`${JSON.stringify({ sealed, sha256: sha256(sealed) })}\n`);
};

/** Whether the mark was made with this key. Throws `PermanentError` when it is not as it was made, which tells nothing. */
export const isMarkOf = (mark: Buffer, key: Buffer): boolean => {
  const sealed = sealedIn(mark);
  if (sealed === undefined) throw new PermanentError('the mark of a key is damaged');
  try {
    return aesSecretBox(key).open(sealed, CONTEXT) === CLEAR;
  } catch (error) {
    if (error instanceof PermanentError) return false;
    throw error;
  }
};

/** The digest tells a flipped bit from another key, which a seal alone could not. */
const sealedIn = (mark: Buffer): string | undefined => {
  const { sealed, sha256: digest } = fieldsOf(mark.toString('utf8'));
  return typeof sealed === 'string' && SEALED.test(sealed) && digest === sha256(sealed) ? sealed : undefined;
};

const fieldsOf = (text: string): { sealed?: unknown; sha256?: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
