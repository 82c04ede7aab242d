import { describe, expect, it } from '@jest/globals';
import { registryOf } from '@foldline/kernel';
import { splitReference } from './references.ts';

describe('the name of an image', () => {
  it.each([
    ['shop', 'shop', 'latest'],
    ['shop:1', 'shop', '1'],
    ['127.0.0.1:5000/team/shop', '127.0.0.1:5000/team/shop', 'latest'],
    ['127.0.0.1:5000/team/shop:main-abc', '127.0.0.1:5000/team/shop', 'main-abc'],
  ])('%s has a repository and a tag', (reference, repository, tag) =>
    expect(splitReference(reference)).toEqual({ repository, tag }),
  );

  it.each([
    ['shop:1', 'docker.io'],
    ['team/shop', 'docker.io'],
    ['localhost/shop', 'localhost'],
    ['registry.example.com/shop', 'registry.example.com'],
    ['127.0.0.1:5000/shop:1', '127.0.0.1:5000'],
  ])('%s is of the registry %s', (reference, registry) => expect(registryOf(reference)).toBe(registry));
});
