import { describe, expect, it } from '@jest/globals';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { ARTIFACTS, plan } from '../testing/plan-builder.ts';

const failed = { outcome: 'failed', reason: 'script_failure' } as const;

describe('Artifacts of a job that failed', () => {
  const s = story(
    plan(
      {
        name: 'unit',
        stage: 'test',
        artifacts: { ...ARTIFACTS, when: 'on_failure' },
        retry: { max: 1, when: ['always'] },
      },
      { name: 'report', stage: 'after', when: 'always' },
    ),
  );

  it('count for those behind it, and of several attempts those of the last', () =>
    s
      .after(s.fails('unit'), s.fails('unit', { attempt: 2 }))
      .when(s.assign('report'))
      .then(s.assigned('report', ['unit'], 1, 2)));

  it('count no longer when the next attempt has ended, whether that has kept any or not', () =>
    s
      .after(s.fails('unit'), s.run('unit', { attempt: 2 }))
      .when(s.assign('report'))
      .then(s.assigned('report', ['unit'], 1, 2)));

  it('are waited for before the job counts as failed, or is tried again', () => {
    s.after(s.assign('unit'))
      .when(s.finish('unit', { ...failed, commits: ['zip'] }))
      .then(s.finishing('unit', ['zip'], failed));
    s.after(s.assign('unit'), s.finish('unit', { ...failed, commits: ['zip'] }))
      .when(s.commit('unit', 'zip'))
      .then(
        s.committed('unit', 'zip'),
        s.failed('unit', { final: false }),
        s.retried('unit', 'policy'),
        s.queued('unit', 2),
      );
  });

  it('do not count once a person has it run again and that has ended otherwise', () =>
    s
      .after(s.fails('unit'), s.fails('unit', { attempt: 2 }), s.retry('unit'), s.run('unit', { attempt: 3 }))
      .when(s.assign('report'))
      .then(s.assigned('report', ['unit'], 1, 3)));
});

describe('Artifacts of jobs of other pipelines', () => {
  it('are received with those of its own, of the attempts that were planned', () => {
    const artifactsOf = [{ jobId: 'up1.0', attempt: 3 }];
    const s = story(plan({ name: 'make', artifacts: ARTIFACTS }, { name: 'use', needs: ['make'], artifactsOf }));
    const [assigned] = historyOf([s.start(), ...s.run('make'), s.assign('use')]).slice(-1);
    expect(assigned).toMatchObject({
      type: 'JobAssigned',
      data: { artifactJobs: [s.id('make'), 'up1.0'], artifactAttempts: { [s.id('make')]: 1, 'up1.0': 3 } },
    });
  });
});
