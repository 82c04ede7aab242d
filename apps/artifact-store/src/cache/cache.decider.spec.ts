import { describe, it } from '@jest/globals';
import { CacheCommitted, CachePruned, CacheRefused, type CacheUploaded, type PruneReason } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { cacheDecider } from './cache.decider.ts';

const given = givenWhenThen(cacheDecider);

const cache = (jobId: string, fill: string) => ({
  cacheId: 'c1',
  pipelineId: 'p1',
  projectId: 'pr1',
  jobId,
  attempt: 1,
  scope: 'protected' as const,
  key: 'deps',
  manifestDigest: fill.repeat(64),
  files: 1,
  bytes: 5,
});
const upload = (jobId: string, fill: string): ReturnType<typeof CacheUploaded>['data'] => ({
  ...cache(jobId, fill),
  attemptId: `${jobId}.1`,
});

const UNUSED = { rule: 'unused', detail: 'nobody used it for 30 days' } as const;
const pruned = (fill: string, because: PruneReason) =>
  CachePruned({
    cacheId: 'c1',
    projectId: 'pr1',
    scope: 'protected',
    key: 'deps',
    manifestDigest: fill.repeat(64),
    bytes: 5,
    because,
  });

describe('a cache', () => {
  it('is committed when its upload is complete', () =>
    given()
      .when({ type: 'CommitCache', upload: upload('p1.0', 'a') })
      .then(CacheCommitted(cache('p1.0', 'a'))));

  it('takes every later upload too, and prunes what that replaces', () =>
    given(CacheCommitted(cache('p1.0', 'a')))
      .when({ type: 'CommitCache', upload: upload('p1.1', 'b') })
      .then(CacheCommitted(cache('p1.1', 'b')), pruned('a', { rule: 'replaced', detail: 'p1.1 saved it anew' })));

  it('counts of what is replaced only the layers that the next one does not have', () => {
    const layers = (...fills: string[]) =>
      fills.map((fill, n) => ({ digest: fill.repeat(64), bytes: 10 ** n, content: 1 }));
    given(CacheCommitted({ ...cache('p1.0', 'a'), layers: layers('1', '2') }))
      .when({ type: 'CommitCache', upload: { ...upload('p1.1', 'b'), layers: layers('1', '3') } })
      .then(
        CacheCommitted({ ...cache('p1.1', 'b'), layers: layers('1', '3') }),
        CachePruned({
          ...pruned('a', { rule: 'replaced', detail: 'p1.1 saved it anew' }).data,
          layers: layers('1', '2'),
          bytes: 10,
        }),
      );
  });

  it('is pruned as it was looked at', () =>
    given(CacheCommitted(cache('p1.0', 'a')))
      .when({ type: 'PruneCache', manifestDigest: 'a'.repeat(64), because: UNUSED })
      .then(pruned('a', UNUSED)));

  it('is not pruned when it was saved meanwhile', () =>
    given(CacheCommitted(cache('p1.0', 'a')), CacheCommitted(cache('p1.1', 'b')), pruned('a', UNUSED))
      .when({ type: 'PruneCache', manifestDigest: 'a'.repeat(64), because: UNUSED })
      .thenNothing());

  it('is pruned once', () =>
    given(CacheCommitted(cache('p1.0', 'a')), pruned('a', UNUSED))
      .when({ type: 'PruneCache', manifestDigest: 'a'.repeat(64), because: UNUSED })
      .thenNothing());

  it('is saved anew after it was pruned', () =>
    given(CacheCommitted(cache('p1.0', 'a')), pruned('a', UNUSED))
      .when({ type: 'CommitCache', upload: upload('p1.1', 'a') })
      .then(CacheCommitted(cache('p1.1', 'a'))));

  it('answers another job that uploads the same bytes', () =>
    given(CacheCommitted(cache('p1.0', 'a')))
      .when({ type: 'CommitCache', upload: upload('p1.1', 'a') })
      .then(CacheCommitted(cache('p1.1', 'a'))));

  it('is refused with the reason when its upload is not what was announced', () =>
    given(CacheCommitted(cache('p1.0', 'a')))
      .when({ type: 'CommitCache', upload: upload('p1.1', 'b'), problem: 'a file is missing' })
      .then(
        CacheRefused({ cacheId: 'c1', pipelineId: 'p1', jobId: 'p1.1', attempt: 1, because: 'a file is missing' }),
      ));
});
