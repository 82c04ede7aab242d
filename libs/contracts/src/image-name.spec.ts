import { describe, expect, it } from '@jest/globals';
import { isImageName } from './image-name.ts';

describe('The name of an image', () => {
  it.each([
    'node',
    'node:22',
    'library/node:22-alpine3.20',
    'registry.example.com/team/sub/app:v1.2_3',
    'Registry.Example.com:5000/app',
    'localhost:15000/a__b.c-d--e',
    '[::1]:5000/app:1',
    `node@sha256:${'a'.repeat(64)}`,
    `node:22@sha256:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}`,
  ])('may be %s', (text) => expect(isImageName(text)).toBe(true));

  it.each([
    '',
    ' ',
    '/node',
    'node/',
    'a//b',
    'http://x/y',
    'UPPER:1',
    'UPPER//x::y',
    'foo/../../../info',
    'x/../../127.0.0.1:80/latest',
    './x',
    '../x',
    'node:',
    'node:22:1',
    'node@sha256:abc',
    'node:22 --privileged',
    'foo?x=1#y',
    'node%2f..',
    'node\n',
    'nöde',
    '$NOTSET',
    'a'.repeat(256),
    `${'a'.repeat(100_000)}!`,
    '-'.repeat(500),
    `a${'-'.repeat(500)}`,
  ])('cannot be %j', (text) => expect(isImageName(text)).toBe(false));
});
