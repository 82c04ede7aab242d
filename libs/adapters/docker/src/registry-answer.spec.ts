import { describe, expect, it } from '@jest/globals';
import { pullFailureOf } from './registry-answer.ts';

const reasonOf = (statusCode: number, text: string): string =>
  pullFailureOf(Object.assign(new Error(text), { statusCode }));

/** As dockerd 20.10 says it. */
describe('a registry that does not let us in is told from one that does not have the image:', () => {
  it.each([
    [500, 'Get "https://one.example/v2/shop/manifests/1": no basic auth credentials', 'image_access_denied'],
    [500, 'failed to solve: failed to create LLB definition: no active sessions', 'image_access_denied'],
    [
      500,
      'Head "https://one.example/v2/shop/manifests/1": unauthorized: authentication required',
      'image_access_denied',
    ],
    // Of a registry that answered with 403 the daemon says 404.
    [
      404,
      "pull access denied for one.example/shop, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'image_access_denied',
    ],
    [404, 'manifest for one.example/shop:1 not found: manifest unknown: manifest unknown', 'image_not_found'],
    [500, 'Get "https://one.example/v2/": dial tcp 127.0.0.1:9: connect: connection refused', 'image_pull_failure'],
  ])('%i %s', (status, text, reason) => expect(reasonOf(status, text)).toBe(reason));
});
