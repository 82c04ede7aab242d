import { describe, expect, it } from '@jest/globals';
import { JobQueued, JobSkipped } from '@foldline/contracts';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { ARTIFACTS, plan, type JobSketch } from '../testing/plan-builder.ts';

const inStage = (stage: string, name: string, more: Partial<JobSketch> = {}): JobSketch => ({ name, stage, ...more });

describe('A pipeline', () => {
  describe('with stages', () => {
    const { start, run, after, ...s } = story(
      plan(inStage('build', 'app'), inStage('build', 'docs'), inStage('test', 'unit'), inStage('deploy', 'ship')),
    );

    it('queues every job of the first stage', () =>
      expect(historyOf([start()])).toEqual([s.started(), s.queued('app'), s.queued('docs')]));

    it('keeps the next stage back until the last job of the stage has ended', () =>
      after(run('app'), s.assign('docs')).when(s.finish('docs')).then(s.succeeded('docs'), s.queued('unit')));

    it('queues nothing while a job of the stage is running', () =>
      after(s.assign('docs'), s.assign('app')).when(s.finish('app')).then(s.succeeded('app')));

    it('skips all later stages after a failure, and fails', () =>
      after(run('docs'), s.assign('app'))
        .when(s.finish('app', { outcome: 'failed', reason: 'script_failure' }))
        .then(s.failed('app'), s.skipped('unit'), s.skipped('ship'), s.finished('failed')));

    it('succeeds when its last stage has', () =>
      after(run('app'), run('docs'), run('unit'), s.assign('ship'))
        .when(s.finish('ship'))
        .then(s.succeeded('ship'), s.finished('success')));
  });

  describe('with needs', () => {
    const s = story(
      plan(
        inStage('build', 'app'),
        inStage('build', 'docs'),
        inStage('test', 'unit', { needs: ['app'] }),
        inStage('test', 'lint', { needs: [] }),
        inStage('deploy', 'ship', { needs: ['unit', 'lint'] }),
      ),
    );

    it('queues a job that needs nothing at once, whatever its stage', () =>
      expect(historyOf([s.start()]).slice(1)).toEqual([s.queued('lint'), s.queued('app'), s.queued('docs')]));

    it('starts a job when those that it needs have ended, before its stage is reached', () =>
      s.after(s.assign('app')).when(s.finish('app')).then(s.succeeded('app'), s.queued('unit')));

    it('waits for every job that is needed', () =>
      s.after(s.run('app'), s.assign('unit')).when(s.finish('unit')).then(s.succeeded('unit')));

    it('skips what needs a failed job, and what needs that', () =>
      s
        .after(s.assign('app'))
        .when(s.finish('app', { outcome: 'failed', reason: 'script_failure' }))
        .then(s.failed('app'), s.skipped('unit')));

    it('skips through a chain once all of it can be decided', () =>
      s
        .after(s.run('lint'), s.assign('app'))
        .when(s.finish('app', { outcome: 'failed', reason: 'script_failure' }))
        .then(s.failed('app'), s.skipped('unit'), s.skipped('ship')));

    it('runs a job in spite of a failure that it does not need', () =>
      s.after(s.fails('docs'), s.assign('app')).when(s.finish('app')).then(s.succeeded('app'), s.queued('unit')));

    it('counts a need that is named twice as one wish', () => {
      const twice = story(plan('app', { name: 'unit', needs: ['app', 'app'] }));
      return twice
        .after(twice.assign('app'))
        .when(twice.finish('app'))
        .then(twice.succeeded('app'), twice.queued('unit'));
    });
  });

  describe('with conditions', () => {
    const s = story(
      plan(
        inStage('build', 'app'),
        inStage('after', 'report', { when: 'on_failure' }),
        inStage('after', 'tidy', { when: 'always' }),
        inStage('after', 'ship'),
      ),
    );

    it('queues after a failure what is for failures and what is for always', () =>
      s
        .after(s.assign('app'))
        .when(s.finish('app', { outcome: 'failed', reason: 'script_failure' }))
        .then(s.failed('app'), s.queued('report'), s.queued('tidy'), s.skipped('ship')));

    it('skips after a success what is for failures', () =>
      s
        .after(s.assign('app'))
        .when(s.finish('app'))
        .then(s.succeeded('app'), s.skipped('report'), s.queued('tidy'), s.queued('ship')));

    it('skips a job for failures of its needs when only another job failed', () => {
      const needs = story(plan('app', 'docs', { name: 'report', needs: ['docs'], when: 'on_failure' }));
      return needs
        .after(needs.fails('app'), needs.assign('docs'))
        .when(needs.finish('docs'))
        .then(needs.succeeded('docs'), needs.skipped('report'), needs.finished('failed'));
    });

    it('runs a job for always although what it needs was skipped', () => {
      const needs = story(plan('app', 'unit needs app', { name: 'tidy', needs: ['unit'], when: 'always' }));
      return needs
        .after(needs.assign('app'))
        .when(needs.finish('app', { outcome: 'failed', reason: 'script_failure' }))
        .then(needs.failed('app'), needs.skipped('unit'), needs.queued('tidy'));
    });
  });

  describe('with a job that may fail', () => {
    const s = story(
      plan(
        inStage('a', 'lint', { allowFailure: true }),
        inStage('b', 'unit'),
        inStage('b', 'fix', { when: 'on_failure' }),
      ),
    );

    it('goes on after it as after a success', () =>
      s
        .after(s.assign('lint'))
        .when(s.finish('lint', { outcome: 'failed', reason: 'script_failure' }))
        .then(s.failed('lint'), s.queued('unit'), s.skipped('fix')));

    it('succeeds', () =>
      s
        .after(s.fails('lint'), s.assign('unit'))
        .when(s.finish('unit'))
        .then(s.succeeded('unit'), s.finished('success', 1)));
  });

  describe('that hands artifacts on', () => {
    const s = story(
      plan(
        inStage('build', 'app', { artifacts: ARTIFACTS }),
        inStage('build', 'docs'),
        inStage('build', 'old', { artifacts: ARTIFACTS, when: 'on_failure' }),
        inStage('test', 'unit', { artifacts: ARTIFACTS }),
        inStage('test', 'picky', { dependencies: ['unit'] }),
        inStage('test', 'none', { dependencies: [] }),
        inStage('test', 'needy', { needs: ['docs', 'app'] }),
      ),
    );
    const built = () => s.after(s.run('app'), s.run('docs'));

    it('gives a job those of all earlier stages that made some', () =>
      built()
        .when(s.assign('unit'))
        .then(s.assigned('unit', ['app'])));

    it('gives a job only those that it depends on, when they have run', () =>
      built().when(s.assign('picky')).then(s.assigned('picky', [])));

    it('gives a job that depends on none nothing', () => built().when(s.assign('none')).then(s.assigned('none', [])));

    it('names the attempt whose artifacts count: the last one', () =>
      s
        .after(s.run('docs'), s.run('app'), s.retry('app'), s.run('app', { attempt: 2 }))
        .when(s.assign('unit'))
        .then(s.assigned('unit', ['app'], 1, 2)));

    it.each([
      ['waits for a runner again', [s.retry('app')]],
      ['runs again', [s.retry('app'), s.assign('app', 2)]],
    ])('gives a job that was queued already what there was when the one that made it %s', (_, again) =>
      s
        .after(s.run('app'), s.run('docs'), again)
        .when(s.assign('unit'))
        .then(s.assigned('unit', ['app'])),
    );

    it('gives a job those that it needs', () =>
      built()
        .when(s.assign('needy'))
        .then(s.assigned('needy', ['app'])));
  });

  describe('result', () => {
    const two = story(plan('a', 'b'));
    const timesOut = (name: string) => two.run(name, { outcome: 'timed_out', reason: 'job_timeout' });

    it('is timed_out when jobs only ran out of time', () =>
      two
        .after(two.run('b'), two.assign('a'))
        .when(two.finish('a', { outcome: 'timed_out', reason: 'job_timeout' }))
        .then(two.failed('a', { reason: 'job_timeout' }), two.finished('timed_out')));

    it('is failed when one job failed and another ran out of time', () =>
      two
        .after(timesOut('b'), two.assign('a'))
        .when(two.finish('a', { outcome: 'failed', reason: 'script_failure' }))
        .then(two.failed('a'), two.finished('failed')));

    it('is skipped when no job ran', () => {
      const s = story(plan({ name: 'report', when: 'on_failure' }));
      expect(historyOf([s.start()])).toEqual([s.started(), s.skipped('report'), s.finished('skipped')]);
    });

    it('is skipped when the plan has no jobs', () => {
      const s = story(plan());
      expect(historyOf([s.start()])).toEqual([s.started(), s.finished('skipped')]);
    });

    it('is cancelled when a runner gave a job up without being asked', () => {
      const s = story(plan('a'));
      return s
        .after(s.assign('a'))
        .when(s.finish('a', { outcome: 'cancelled' }))
        .then(s.cancelled('a'), s.finished('cancelled'));
    });
  });

  it('says by which rule and because of which jobs it decided', () => {
    const s = story(plan(inStage('a', 'build'), inStage('b', 'unit'), inStage('b', 'tidy', { needs: [] })));
    const events = historyOf([s.start(), ...s.fails('build')]);
    const about = { pipelineId: 'p1' };
    expect(events).toContainEqual(
      JobQueued({
        ...about,
        jobId: s.id('build'),
        attempt: 1,
        priority: 5,
        because: { rule: 'when: on_success', detail: 'it is in the first stage', jobs: [] },
      }),
    );
    expect(events).toContainEqual(
      JobSkipped({
        ...about,
        jobId: s.id('unit'),
        because: { rule: 'when: on_success', detail: 'a job before it did not succeed', jobs: [s.id('build')] },
      }),
    );
  });

  it('names at most ten of the jobs that decided', () => {
    const names = Array.from({ length: 30 }, (_, n) => `build ${n}`);
    const s = story(plan(...names.map((name) => inStage('a', name)), inStage('b', 'unit')));
    const events = historyOf([s.start(), ...names.flatMap((name) => s.fails(name))]);
    const [skipped] = events.flatMap((event) => (event.type === 'JobSkipped' ? [event.data] : []));
    expect(skipped?.because.jobs).toEqual(names.slice(0, 10).map(s.id));
  });
});
