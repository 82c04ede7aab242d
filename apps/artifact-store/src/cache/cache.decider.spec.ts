import { describe, it } from '@jest/globals';
import { CacheCommitted, CacheRefused, type CacheUploaded } from '@foldline/contracts';
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

describe('a cache', () => {
  it('is committed when its upload is complete', () =>
    given()
      .when({ type: 'CommitCache', upload: upload('p1.0', 'a') })
      .then(CacheCommitted(cache('p1.0', 'a'))));

  it('takes every later upload too', () =>
    given(CacheCommitted(cache('p1.0', 'a')))
      .when({ type: 'CommitCache', upload: upload('p1.1', 'b') })
      .then(CacheCommitted(cache('p1.1', 'b'))));

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
