import { describe, expect, it } from '@jest/globals';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan } from '../testing/plan-builder.ts';

describe('A job with a resource group', () => {
  const s = story(
    plan(
      { name: 'build', stage: 'build' },
      { name: 'deploy', stage: 'deploy', resourceGroup: 'production', retry: { max: 1, when: ['always'] } },
    ),
  );
  const waiting = [s.run('build'), []].flat();

  it('waits for it when its turn has come', () =>
    s.after(s.assign('build')).when(s.finish('build')).then(s.succeeded('build'), s.awaits('deploy')));

  it('is queued when it has it', () => s.after(waiting).when(s.grant('deploy')).then(s.queued('deploy')));

  it('is not given to a runner before', () => s.after(waiting).when(s.assign('deploy')).thenNothing());

  it('is queued once, and only by what was granted to this attempt', () => {
    s.after(waiting, s.grant('deploy')).when(s.grant('deploy')).thenNothing();
    s.after(waiting).when(s.grant('deploy', 2)).thenNothing();
    s.after(waiting, s.cancel(), s.retry('deploy')).when(s.grant('deploy')).thenNothing();
  });

  it('leaves it when it has ended', () => {
    const running = [...waiting, s.grant('deploy'), s.assign('deploy')];
    s.after(running).when(s.finish('deploy')).then(s.succeeded('deploy'), s.finished('success'), s.left('deploy'));
    s.after(running, s.cancel())
      .when(s.finish('deploy', { outcome: 'cancelled' }))
      .then(s.cancelled('deploy'), s.finished('cancelled'), s.left('deploy'));
  });

  it('keeps it for its next attempt when it is retried by itself', () => {
    const failed = [...waiting, s.grant('deploy'), ...s.fails('deploy')];
    expect(historyOf([s.start(), ...failed]).at(-1)).toEqual(s.queued('deploy', 2));
    s.after(failed, s.assign('deploy', 2))
      .when(s.finish('deploy', { attempt: 2, outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('deploy', { attempt: 2 }), s.finished('failed'), s.left('deploy', 2));
  });

  it('waits for it once more when a person retries it', () =>
    s
      .after(waiting, s.grant('deploy'), s.run('deploy'))
      .when(s.retry('deploy'))
      .then(s.reopened('deploy'), s.retried('deploy', 'user'), s.awaits('deploy', 2)));

  it('leaves it when its pipeline is cancelled while it waits', () =>
    s
      .after(waiting)
      .when(s.cancel())
      .then(s.cancelling(), s.cancelled('deploy'), s.finished('cancelled'), s.left('deploy')));

  it('leaves it when it is skipped', () =>
    s
      .after(s.assign('build'))
      .when(s.finish('build', { outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('build'), s.skipped('deploy'), s.finished('failed'), s.left('deploy', 0)));

  it('does not keep others waiting while it waits for a person, and asks when one starts it', () => {
    const manual = story(plan({ name: 'deploy', when: 'manual', resourceGroup: 'production' }));
    expect(historyOf([manual.start()])).toEqual([
      manual.started(),
      manual.held('deploy'),
      manual.blocked('deploy'),
      manual.left('deploy', 0),
    ]);
    manual.after().when(manual.play('deploy')).then(manual.played('deploy'), manual.awaits('deploy'));
  });

  it('may be delayed besides', () => {
    const later = story(plan({ name: 'deploy', when: 'delayed', startInSeconds: 5, resourceGroup: 'production' }));
    later.after().when(later.due('deploy')).then(later.isDue('deploy'), later.awaits('deploy'));
  });
});
