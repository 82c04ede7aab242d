import { describe, expect, it } from '@jest/globals';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan } from '../testing/plan-builder.ts';

describe('An optional manual job', () => {
  const s = story(
    plan(
      { name: 'build', stage: 'build' },
      { name: 'docs', stage: 'extra', when: 'manual', allowFailure: true },
      { name: 'publish', stage: 'extra', needs: ['docs'] },
      { name: 'announce', stage: 'extra', needs: ['publish'] },
      { name: 'ship', stage: 'ship' },
    ),
  );

  it('is held when its turn comes, and nobody waits for it', () =>
    s
      .after(s.assign('build'))
      .when(s.finish('build'))
      .then(s.succeeded('build'), s.held('docs'), s.skipped('publish'), s.skipped('announce'), s.queued('ship')));

  it('does not keep the pipeline from succeeding', () =>
    s.after(s.run('build'), s.assign('ship')).when(s.finish('ship')).then(s.succeeded('ship'), s.finished('success')));

  it('opens the finished pipeline again when a person starts it', () =>
    s
      .after(s.run('build'), s.run('ship'))
      .when(s.play('docs'))
      .then(s.reopened('docs'), s.played('docs'), s.queued('docs')));

  it('gives those that need it their chance, and the pipeline finishes again', () => {
    const played = [s.run('build'), s.run('ship'), s.play('docs')].flat();
    s.after(played, s.assign('docs')).when(s.finish('docs')).then(s.succeeded('docs'), s.queued('publish'));
    s.after(played, s.run('docs'), s.run('publish'), s.assign('announce'))
      .when(s.finish('announce'))
      .then(s.succeeded('announce'), s.finished('success'));
  });

  it('takes those that it gave a chance with it when the pipeline is cancelled', () =>
    s
      .after(s.run('build'), s.run('ship'), s.play('docs'), s.assign('docs'))
      .when(s.cancel())
      .then(s.cancelling(), s.stopRequested('docs'), s.cancelled('publish', 0), s.cancelled('announce', 0)));

  it('makes later stages wait from when it is started', () => {
    const three = story(
      plan(
        { name: 'docs', stage: 'a', when: 'manual', allowFailure: true },
        { name: 'build', stage: 'b' },
        { name: 'ship', stage: 'c' },
      ),
    );
    three
      .after(three.assign('build'), three.play('docs'), three.assign('docs'))
      .when(three.finish('build'))
      .then(three.succeeded('build'));
    three
      .after(three.run('build'), three.retry('build'), three.play('docs'), three.assign('docs'))
      .when(three.finish('docs'))
      .then(three.succeeded('docs'));
  });

  it('decides again about jobs for failures that were skipped behind it', () => {
    const rescue = story(
      plan(
        { name: 'docs', stage: 'a', when: 'manual', allowFailure: true },
        { name: 'publish', stage: 'a', needs: ['docs'] },
        { name: 'rescue', stage: 'b', when: 'on_failure' },
      ),
    );
    return rescue
      .after(rescue.play('docs'), rescue.run('docs'), rescue.assign('publish'))
      .when(rescue.finish('publish', { outcome: 'failed', reason: 'script_failure' }))
      .then(rescue.failed('publish'), rescue.queued('rescue'));
  });

  it('may be all there is: nothing ran, so the pipeline is skipped', () => {
    const only = story(plan({ name: 'docs', when: 'manual', allowFailure: true }));
    expect(historyOf([only.start()])).toEqual([only.started(), only.held('docs'), only.finished('skipped')]);
  });
});

describe('A blocking manual job', () => {
  const s = story(
    plan(
      { name: 'build', stage: 'build' },
      { name: 'slow', stage: 'build', needs: [] },
      { name: 'approve', stage: 'gate', needs: ['build'], when: 'manual' },
      { name: 'ship', stage: 'ship' },
    ),
  );

  it('is held while other jobs go on', () =>
    s.after(s.assign('build'), s.assign('slow')).when(s.finish('build')).then(s.succeeded('build'), s.held('approve')));

  it('blocks the pipeline when nothing else can go on', () =>
    s.after(s.run('build'), s.assign('slow')).when(s.finish('slow')).then(s.succeeded('slow'), s.blocked('approve')));

  it('lets the pipeline go on when a person starts it', () => {
    s.after(s.run('build'), s.run('slow')).when(s.play('approve')).then(s.played('approve'), s.queued('approve'));
    s.after(s.run('build'), s.run('slow'), s.play('approve'), s.assign('approve'))
      .when(s.finish('approve'))
      .then(s.succeeded('approve'), s.queued('ship'));
  });

  it('is started once', () => s.after(s.run('build'), s.play('approve')).when(s.play('approve')).thenNothing());

  it('blocks once more after something else has gone on', () =>
    s
      .after(s.run('build'), s.run('slow'), s.retry('slow'), s.assign('slow', 2))
      .when(s.finish('slow', { attempt: 2 }))
      .then(s.succeeded('slow', 2), s.blocked('approve')));

  it('is skipped when a job before it failed', () =>
    s
      .after(s.run('slow'), s.assign('build'))
      .when(s.finish('build', { outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('build'), s.skipped('approve'), s.skipped('ship'), s.finished('failed')));

  it('cannot be started before its turn', () => s.after().when(s.play('approve')).thenNothing());
  it('cannot be started after a cancellation', () =>
    s.after(s.run('build'), s.assign('slow'), s.cancel()).when(s.play('approve')).thenNothing());
});
