import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AttemptStarted, JobCancelled, JobFailed } from '@foldline/contracts';
import {
  objects,
  logs,
  recorded,
  deliver,
  stored,
  tree,
  artifact,
  cache,
  say,
  finishing,
  awaited,
  retried,
  sha256,
  write,
  finished,
  openStore,
  closeStore,
} from './artifact-store.fixture.ts';

beforeEach(() => openStore());
afterEach(closeStore);

describe('an uploaded artifact', () => {
  it('is committed once, and expires from when it was recorded', async () => {
    const upload = artifact(await tree('one', 'two'), 'a1', 90);
    await say(upload);
    await deliver((to) => to.artifactUploaded(upload));
    expect(await stored()).toEqual([]);
    await deliver((to) => to.jobFinishing(finishing(upload)));
    const { attemptId: _attempt, expireInSeconds: _seconds, ...data } = upload.data;
    expect(await stored()).toEqual([
      { type: 'ArtifactCommitted', data: { ...data, expiresAt: '2030-01-01T00:01:30.000Z' } },
    ]);
  });

  it('never expires in the past because its time is beyond all dates', async () => {
    await awaited(artifact(await tree('one'), 'a1', Number.MAX_SAFE_INTEGER));
    expect((await stored())[0]!.data).toMatchObject({ expiresAt: '9999-12-31T23:59:59.999Z' });
  });

  it('is refused once when a file is missing, and stays refused', async () => {
    const { digests, ...uploaded } = await tree('one', 'two');
    await objects.delete(digests[1]!);
    await say(artifact(uploaded));
    await deliver((to) => to.jobFinishing(finishing(artifact(uploaded))));
    await tree('one', 'two');
    await awaited(artifact(uploaded));
    expect(await stored()).toEqual([
      {
        type: 'ArtifactRefused',
        data: expect.objectContaining({ artifactId: 'a1', projectId: 'pr1', because: 'the file "f1" is missing' }),
      },
    ]);
  });
});

describe('an uploaded cache', () => {
  it('is committed once', async () => {
    const upload = cache(await tree('one'));
    await say(upload);
    await deliver((to) => to.jobFinishing(finishing(upload)));
    expect(await stored()).toMatchObject([
      { type: 'CacheCommitted', data: { cacheId: 'c1', jobId: 'p1.0', key: 'deps' } },
    ]);
  });

  it('is refused when its manifest is missing', async () => {
    await awaited(cache({ manifestDigest: 'f'.repeat(64), files: 0, bytes: 0 }));
    expect(await stored()).toMatchObject([{ type: 'CacheRefused', data: { because: 'its manifest is missing' } }]);
  });
});

describe('the log of an attempt that was given to others before it began', () => {
  it('is sealed once, so that who begins it late writes nothing', async () => {
    await deliver((to) => to.jobRetried(retried('not_started')));
    expect(await stored()).toMatchObject([
      { type: 'LogSealed', data: { attemptId: 'p1.0.1', bytes: 0, complete: false } },
    ]);
    const state = await logs.append('p1.0.1', { sequence: 0, offset: 0, bytes: Buffer.from('late') });
    expect(state).toMatchObject({ sealed: true, nextOffset: 0 });
  });
});

describe('the log of an attempt whose job was cancelled', () => {
  const about = { pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
  const cancelled = recorded(JobCancelled(about), 'cancelled');
  const begin = () =>
    say(
      recorded(AttemptStarted({ ...about, attemptId: 'p1.0.1', runnerId: 'r1', executor: 'process' }), 'it has begun'),
    );

  it('is sealed as far as it came when its runner has not told the end', async () => {
    await begin();
    await write('half a line');
    await deliver((to) => to.jobCancelled(cancelled));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 11, complete: false } }]);
  });

  it('stays as its runner has told', async () => {
    await begin();
    await write('hello\n');
    await deliver((to) => to.attemptFinished(finished({ bytes: 6, sha256: sha256('hello\n'), frames: 1 })));
    await deliver((to) => to.jobCancelled(cancelled));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 6, complete: true } }]);
  });

  it('is none when it had not begun', async () => {
    await deliver((to) => to.jobCancelled(cancelled));
    await deliver((to) => to.jobCancelled(recorded(JobCancelled({ ...about, attempt: 0 }), 'before any')));
    expect(await stored()).toEqual([]);
  });
});

describe('a finished attempt', () => {
  it('has its log sealed once', async () => {
    await write('hello\n');
    await deliver((to) => to.attemptFinished(finished({ bytes: 6, sha256: sha256('hello\n'), frames: 1 })));
    expect(await stored()).toEqual([
      {
        type: 'LogSealed',
        data: {
          attemptId: 'p1.0.1',
          jobId: 'p1.0',
          pipelineId: 'p1',
          bytes: 6,
          sha256: sha256('hello\n'),
          complete: true,
        },
      },
    ]);
    expect((await logs.state('p1.0.1')).sealed).toBe(true);
  });

  it.each(['half a line', 'x'.repeat(3_000_000)])(
    'of a lost runner has its log sealed as far as it came',
    async (text) => {
      await write(text);
      await deliver((to) => to.attemptFinished(finished()));
      expect(await stored()).toMatchObject([
        { type: 'LogSealed', data: { bytes: text.length, sha256: sha256(text), complete: false } },
      ]);
    },
  );

  it('that wrote nothing has an empty log', async () => {
    await deliver((to) => to.attemptFinished(finished()));
    expect(await stored()).toMatchObject([
      { type: 'LogSealed', data: { bytes: 0, sha256: sha256(''), complete: false } },
    ]);
  });

  it('whose log is not what it claims keeps what there is', async () => {
    await write('hello\n');
    await deliver((to) => to.attemptFinished(finished({ bytes: 9, sha256: sha256('something'), frames: 2 })));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 6, complete: false } }]);
  });

  it('takes no output any more once its runner is lost', async () => {
    await write('hello\n');
    const lost = (reason: 'runner_lost' | 'script_failure') =>
      recorded(JobFailed({ pipelineId: 'p1', jobId: 'p1.0', attempt: 1, reason, allowed: false, final: true }), reason);
    await deliver((to) => to.jobFailed(lost('script_failure')));
    expect(await stored()).toEqual([]);
    await deliver((to) => to.jobFailed(lost('runner_lost')));
    await logs.append('p1.0.1', { sequence: 1, offset: 6, bytes: Buffer.from('late') });
    await deliver((to) => to.attemptFinished(finished({ bytes: 10, sha256: sha256('hello\nlate'), frames: 2 })));
    expect(await stored()).toMatchObject([{ type: 'LogSealed', data: { bytes: 6, complete: false } }]);
  });
});
