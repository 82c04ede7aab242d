import { PermanentError, Refusal, TransientError } from '@foldline/kernel';
import type { GitResult } from './git-process.ts';

export const check = (result: GitResult, doing: string): GitResult => {
  if (result.code === 0) return result;
  assertRoom(result);
  throw new PermanentError(`git could not ${doing}: ${firstLine(result.stderr)}`);
};

export const unreachable = (url: string, result: GitResult): Refusal => {
  assertRoom(result);
  return new Refusal(
    'repository_unreachable',
    `${withoutCredentials(url)} cannot be read: ${firstLine(result.stderr)}`,
    {
      pointer: '/url',
    },
  );
};

/** Of what the system refused git hands on the C library's words, in its own locale, and no number. */
const NO_ROOM = /: (?:No space left on device|Disk quota exceeded)$/m;

/** A disk without room is this host's trouble and passes: nothing is said of the repository. */
export const assertRoom = ({ stderr }: GitResult): void => {
  if (NO_ROOM.test(stderr)) throw new TransientError('there is no room for repositories on the disk of this host');
};

const firstLine = (text: string): string => text.trim().split('\n').at(0)?.slice(0, 300) ?? '';

export const withoutCredentials = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');
