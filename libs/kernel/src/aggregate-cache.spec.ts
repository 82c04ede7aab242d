import { describe, expect, it } from '@jest/globals';
import { AggregateCache, type Aggregate } from './aggregate-cache.ts';

const aggregate = (state: string): Aggregate<string> => ({ state, revision: 0, position: 1, eventIds: new Set() });

describe('the cache of folded streams', () => {
  it('gives back what was put', () => {
    const cache = new AggregateCache();
    const kept = aggregate('a');
    cache.put('plan-a', kept);
    expect(cache.get('plan-a')).toBe(kept);
    expect(cache.get('plan-b')).toBeUndefined();
  });

  it('lets go of the stream that was not used for longest', () => {
    const cache = new AggregateCache(2);
    cache.put('plan-a', aggregate('a'));
    cache.put('plan-b', aggregate('b'));
    cache.get('plan-a');
    cache.put('plan-c', aggregate('c'));
    expect(cache.get('plan-a')).toBeDefined();
    expect(cache.get('plan-b')).toBeUndefined();
    expect(cache.get('plan-c')).toBeDefined();
  });

  it('forgets a dropped stream', () => {
    const cache = new AggregateCache();
    cache.put('plan-a', aggregate('a'));
    cache.drop('plan-a');
    expect(cache.get('plan-a')).toBeUndefined();
  });
});
