import { isAbsolute } from 'node:path';
import { Refusal, isPlainRef } from '@foldline/kernel';

const MAX_URL = 2048;
const SCP_LIKE = /^[A-Za-z0-9._][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~/-]+$/;
/** ssh would take such a host, or such a user, for an option (CVE-2017-1000117). */
const OPTION_LIKE_HOST = /^[a-z]+:\/\/(?:[^/]*@)?-/i;
const SCHEMES = new Set(['https:', 'http:', 'ssh:', 'git:', 'file:']);
const SHA = /^[0-9a-f]{40}$/;

const hasControl = (text: string): boolean =>
  [...text].some((letter) => letter.codePointAt(0)! < 32 || letter === '\u007F');

/** A repository address that git cannot take for an option or for a program to run (CVE-2022-25912); refused otherwise. */
export const assertSafeUrl = (url: string): void => {
  const fail = (why: string): never => {
    throw new Refusal('invalid_url', `the repository address ${why}`, { pointer: '/url' });
  };
  if (url.length === 0 || url.length > MAX_URL) fail(`must have 1 to ${MAX_URL} characters`);
  if (url.startsWith('-') || hasControl(url) || url.includes('::')) fail('is not a plain URL or path');
  if (isAbsolute(url) || SCP_LIKE.test(url)) return;
  if (!URL.canParse(url) || !SCHEMES.has(new URL(url).protocol) || OPTION_LIKE_HOST.test(url)) {
    fail('must be an https, http, ssh or git URL, or an absolute path on this host');
  }
};

export const assertSafeRef = (name: string): void => {
  if (isPlainRef(name)) return;
  throw new Refusal('invalid_ref', 'the ref must be the plain name of a branch or tag, or a full commit id', {
    pointer: '/ref',
  });
};

export const isSha = (text: string): boolean => SHA.test(text);

export const assertSha = (text: string): void => {
  if (!isSha(text)) throw new Refusal('invalid_ref', 'a commit id has 40 hexadecimal digits', { pointer: '/sha' });
};
