import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  reads,
  events,
  deliver,
  stored,
  tree,
  artifact,
  cache,
  say,
  finishing,
  awaited,
  retried,
  openStore,
  closeStore,
} from '../artifact-store.fixture.ts';

beforeEach(() => openStore());
afterEach(closeStore);

describe('what an attempt has uploaded that is not the current one', () => {
  const uploads = async () => [artifact(await tree('one')), cache(await tree('two'))] as const;
  const refusals = [
    { type: 'ArtifactRefused', data: expect.objectContaining({ artifactId: 'a1', attempt: 1 }) },
    { type: 'CacheRefused', data: expect.objectContaining({ cacheId: 'c1', attempt: 1 }) },
  ];

  it('is refused once when another attempt takes its place', async () => {
    await say(...(await uploads()));
    await deliver((to) => to.jobRetried(retried('runner_lost')));
    expect(await stored()).toEqual(refusals);
  });

  it('is refused once when it comes after that', async () => {
    const [ofArtifact, ofCache] = await uploads();
    await reads.apply('jobs', 1, [{ collection: 'jobs', id: 'p1.0', doc: { id: 'p1.0', attempt: 2 }, indexes: {} }]);
    await deliver((to) => to.artifactUploaded(ofArtifact));
    await deliver((to) => to.cacheUploaded(ofCache));
    expect(await stored()).toEqual(refusals);
  });

  it('is not committed by news of its own attempt that come later still', async () => {
    const [ofArtifact, ofCache] = await uploads();
    await say(ofArtifact, ofCache);
    await events().jobRetried(retried('runner_lost'));
    await deliver((to) => to.jobFinishing(finishing(ofArtifact, ofCache)));
    expect(await stored()).toEqual(refusals);
  });

  it('stays what it was when the pipeline had waited for it', async () => {
    const [ofArtifact, ofCache] = await uploads();
    await awaited(ofArtifact, ofCache);
    await deliver((to) => to.jobRetried(retried('policy')));
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted', 'CacheCommitted']);
  });

  it('is left alone as long as nobody waits for it', async () => {
    const [ofArtifact, ofCache] = await uploads();
    await say(ofArtifact, ofCache);
    await deliver((to) => to.jobFinishing(finishing(ofArtifact)));
    expect((await stored()).map(({ type }) => type)).toEqual(['ArtifactCommitted']);
  });
});
