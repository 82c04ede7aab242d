import { beforeEach, describe, expect, it } from '@jest/globals';
import { Unpublished } from './lib/unpublished.mjs';

const event = (id: string, stream = 'environment-1') => ({ id, stream, type: 'EnvironmentDeployed' });

describe('what a run waits for in the topic', () => {
  let unpublished: Unpublished;
  beforeEach(() => {
    unpublished = new Unpublished();
  });

  it('is an event that was stored, until it is seen there', () => {
    unpublished.stored(event('a'));
    unpublished.stored(event('b'));
    expect(unpublished.events.map(({ id }) => id)).toEqual(['a', 'b']);
    unpublished.seen('a');
    expect(unpublished.events.map(({ id }) => id)).toEqual(['b']);
  });

  it('is none that was seen there first', () => {
    unpublished.seen('a');
    unpublished.stored(event('a'));
    expect(unpublished.events).toEqual([]);
  });

  it('is none that no service publishes', () => {
    unpublished.stored(event('a', 'mark-of-the-suite'));
    expect(unpublished.events).toEqual([]);
  });
});
