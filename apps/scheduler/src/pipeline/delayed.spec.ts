import { describe, expect, it } from '@jest/globals';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan } from '../testing/plan-builder.ts';

const later = { when: 'delayed', startInSeconds: 90 } as const;

describe('A delayed job', () => {
  const s = story(
    plan(
      { name: 'build', stage: 'build' },
      { name: 'rollout', stage: 'rollout', ...later },
      { name: 'ship', stage: 'ship' },
    ),
  );
  const waiting = s.run('build');

  it('waits from when its turn has come, and nothing else goes on', () =>
    s
      .after(s.assign('build'))
      .when(s.finish('build'))
      .then(s.succeeded('build'), s.delayed('rollout'), s.pipelineDelayed('rollout')));

  it('is queued when its time is over', () =>
    s.after(waiting).when(s.due('rollout')).then(s.isDue('rollout'), s.queued('rollout')));

  it('holds up later stages until it has ended', () => {
    const due = [...waiting, s.due('rollout')];
    expect(historyOf([s.start(), ...due])).not.toContainEqual(s.queued('ship'));
    s.after(due, s.assign('rollout')).when(s.finish('rollout')).then(s.succeeded('rollout'), s.queued('ship'));
  });

  it('can be started by a person before its time is over', () =>
    s.after(waiting).when(s.play('rollout')).then(s.played('rollout'), s.queued('rollout')));

  it('is not started once more when its time is over after all', () => {
    s.after(waiting, s.play('rollout')).when(s.due('rollout')).thenNothing();
    s.after(waiting, s.play('rollout'), s.run('rollout')).when(s.due('rollout')).thenNothing();
    s.after(waiting, s.due('rollout')).when(s.due('rollout')).thenNothing();
    s.after(waiting, s.due('rollout')).when(s.play('rollout')).thenNothing();
  });

  it('is not started before its turn has come', () => s.after().when(s.due('rollout')).thenNothing());

  it('ends with its pipeline when that is cancelled, and its time counts no more', () => {
    s.after(waiting)
      .when(s.cancel())
      .then(s.cancelling(), s.cancelled('rollout', 0), s.cancelled('ship', 0), s.finished('cancelled'));
    s.after(waiting, s.cancel()).when(s.due('rollout')).thenNothing();
  });

  it('is skipped when a job before it failed', () =>
    s
      .after(s.assign('build'))
      .when(s.finish('build', { outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('build'), s.skipped('rollout'), s.skipped('ship'), s.finished('failed')));

  it('does not wait again when a person retries it', () =>
    s
      .after(waiting, s.due('rollout'), s.fails('rollout'))
      .when(s.retry('rollout'))
      .then(s.reopened('rollout'), s.retried('rollout', 'user'), s.queued('rollout', 2)));

  it('has its time run while other jobs go on', () => {
    const two = story(plan({ name: 'build' }, { name: 'rollout', needs: [], ...later }));
    expect(historyOf([two.start()])).toEqual([two.started(), two.delayed('rollout'), two.queued('build')]);
    two
      .after(two.assign('build'))
      .when(two.finish('build'))
      .then(two.succeeded('build'), two.pipelineDelayed('rollout'));
  });

  it('keeps its pipeline from waiting for a person alone', () => {
    const both = story(plan({ name: 'ask', when: 'manual' }, { name: 'rollout', ...later }));
    expect(historyOf([both.start()]).at(-1)).toEqual(both.pipelineDelayed('rollout'));
    both
      .after(both.due('rollout'), both.assign('rollout'))
      .when(both.finish('rollout'))
      .then(both.succeeded('rollout'), both.blocked('ask'));
  });
});
