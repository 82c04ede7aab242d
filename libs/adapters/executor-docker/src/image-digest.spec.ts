import { describe, expect, it } from '@jest/globals';
import { digestIn } from './image-digest.ts';

const KNOWN = ['registry.example.com:5000/team/app@sha256:aa', 'node@sha256:bb', 'ada/engine@sha256:cc'];

describe('The digest of an image', () => {
  it.each([
    ['registry.example.com:5000/team/app:1', 'sha256:aa'],
    ['registry.example.com:5000/team/app', 'sha256:aa'],
    ['node:22', 'sha256:bb'],
    ['docker.io/library/node:22@sha256:bb', 'sha256:bb'],
    ['docker.io/ada/engine', 'sha256:cc'],
  ])('of %s is that of its own registry', (image, digest) => expect(digestIn(image, KNOWN)).toBe(digest));

  it.each(['mine:1', 'registry.example.com/team/app:1', 'engine'])(
    'is none of %s, which has the same content and came from nowhere',
    (image) => expect(digestIn(image, KNOWN)).toBeUndefined(),
  );
});
