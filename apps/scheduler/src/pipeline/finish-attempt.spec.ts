import { describe, it } from '@jest/globals';
import type { FailureReason, PlannedJob } from '@foldline/contracts';
import { story } from '../testing/pipeline-story.ts';
import { plan, type JobSketch } from '../testing/plan-builder.ts';

const lost = { outcome: 'lost', reason: 'runner_lost' } as const;
const retrying = (max: number, ...when: PlannedJob['retry']['when']) => ({ retry: { max, when } });
const one = (more: Partial<JobSketch> = {}) => story(plan({ name: 'a', ...more }));

describe('A failed attempt', () => {
  const policies: [string, Partial<JobSketch>, FailureReason, boolean][] = [
    ['nobody asked for retries', {}, 'script_failure', false],
    ['any reason is retried', retrying(1, 'always'), 'script_failure', true],
    ['a script that fails is retried', retrying(1, 'script_failure'), 'out_of_memory', true],
    ['only memory is a reason', retrying(1, 'out_of_memory'), 'script_failure', false],
    ['its reason is retried', retrying(1, 'runner_system_failure', 'job_timeout'), 'runner_system_failure', true],
    ['only other reasons are retried', retrying(1, 'runner_system_failure'), 'script_failure', false],
    ['it may fail and is retried', { ...retrying(1, 'always'), allowFailure: true }, 'script_failure', true],
  ];

  it.each(policies)('where %s is followed by the next one or not', (_title, more, reason, again) => {
    const s = one(more);
    const outcome = s.after(s.assign('a')).when(s.finish('a', { outcome: 'failed', reason }));
    if (again) outcome.then(s.failed('a', { reason, final: false }), s.retried('a', 'policy'), s.queued('a', 2));
    else outcome.then(s.failed('a', { reason }), s.finished('failed'));
  });

  it('is retried after a timeout when that is asked for', () => {
    const s = one(retrying(1, 'job_timeout'));
    return s
      .after(s.assign('a'))
      .when(s.finish('a', { outcome: 'timed_out' }))
      .then(s.failed('a', { reason: 'job_timeout', final: false }), s.retried('a', 'policy'), s.queued('a', 2));
  });

  it('fails the job when the retries are used up', () => {
    const s = one(retrying(2, 'always'));
    return s
      .after(s.fails('a'), s.fails('a', { attempt: 2 }), s.assign('a', 3))
      .when(s.finish('a', { attempt: 3, outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('a', { attempt: 3 }), s.finished('failed'));
  });

  it('has all retries again when a person asked for it', () => {
    const s = one(retrying(1, 'always'));
    return s
      .after(s.fails('a'), s.fails('a', { attempt: 2 }), s.retry('a'), s.assign('a', 3))
      .when(s.finish('a', { attempt: 3, outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('a', { attempt: 3, final: false }), s.retried('a', 'policy', 4), s.queued('a', 4));
  });

  it('keeps its detail and exit code', () => {
    const s = one();
    const told = { reason: 'script_failure', detail: 'exit 3', exitCode: 3 } as const;
    const failed = s.failed('a');
    s.after(s.assign('a'))
      .when(s.finish('a', { outcome: 'failed', ...told }))
      .then({ ...failed, data: { ...failed.data, ...told } } as typeof failed, s.finished('failed'));
    s.after(s.assign('a'), s.finish('a', { outcome: 'failed', ...told, commits: ['log'] }))
      .when(s.commit('a', 'log'))
      .then(
        s.committed('a', 'log'),
        { ...failed, data: { ...failed.data, ...told } } as typeof failed,
        s.finished('failed'),
      );
  });

  it('told where what it deployed is found, which is told with its success, at once or after its uploads', () => {
    const s = one();
    const told = { environmentUrl: 'https://shop-7.example/' };
    const succeeded = s.succeeded('a');
    const success = { ...succeeded, data: { ...succeeded.data, ...told } };
    s.after(s.assign('a')).when(s.finish('a', told)).then(success, s.finished('success'));
    s.after(s.assign('a'), s.finish('a', { ...told, commits: ['log'] }))
      .when(s.commit('a', 'log'))
      .then(s.committed('a', 'log'), success, s.finished('success'));
  });

  it('of an earlier number is no news', () => {
    const s = one(retrying(1, 'always'));
    s.after(s.fails('a')).when(s.finish('a')).thenNothing();
    s.after(s.fails('a'), s.assign('a', 2)).when(s.finish('a')).thenNothing();
    s.after(s.fails('a'), s.assign('a', 2))
      .when(s.finish('a', { attempt: 3 }))
      .thenNothing();
  });

  it('told twice is told once', () => {
    const s = story(plan('a', 'b'));
    s.after(s.fails('a'))
      .when(s.finish('a', { outcome: 'failed' }))
      .thenNothing();
    s.after(s.run('a')).when(s.finish('a')).thenNothing();
  });

  it('that nobody assigned is no news', () => {
    const s = one();
    return s.after().when(s.finish('a')).thenNothing();
  });
});

describe('A lost runner', () => {
  it('costs the job another attempt and none of its retries', () => {
    const s = one(retrying(1, 'script_failure'));
    s.after(s.assign('a'))
      .when(s.finish('a', lost))
      .then(s.failed('a', { reason: 'runner_lost', final: false }), s.retried('a', 'runner_lost'), s.queued('a', 2));
    s.after(s.run('a', lost), s.assign('a', 2))
      .when(s.finish('a', { attempt: 2, outcome: 'failed', reason: 'script_failure' }))
      .then(s.failed('a', { attempt: 2, final: false }), s.retried('a', 'policy', 3), s.queued('a', 3));
  });

  it('is made up for twice', () => {
    const s = one();
    return s
      .after(s.run('a', lost), s.run('a', { attempt: 2, ...lost }), s.assign('a', 3))
      .when(s.finish('a', { attempt: 3, ...lost }))
      .then(s.failed('a', { attempt: 3, reason: 'runner_lost' }), s.finished('failed'));
  });

  it('after that counts as a failure like others', () => {
    const s = one(retrying(1, 'always'));
    return s
      .after(s.run('a', lost), s.run('a', { attempt: 2, ...lost }), s.assign('a', 3))
      .when(s.finish('a', { attempt: 3, ...lost }))
      .then(
        s.failed('a', { attempt: 3, reason: 'runner_lost', final: false }),
        s.retried('a', 'policy', 4),
        s.queued('a', 4),
      );
  });

  it('never repeats a deployment, whatever its retries say', () => {
    const s = one({ environment: { name: 'production' }, ...retrying(2, 'always', 'runner_lost') });
    return s
      .after(s.assign('a'))
      .when(s.finish('a', lost))
      .then(s.failed('a', { reason: 'runner_lost' }), s.finished('failed'));
  });
});

describe('An attempt that uploads', () => {
  const s = story(plan('a', 'b needs a'));
  const committing = { commits: ['zip', 'cache'] };

  it('is finishing until everything is visible', () => {
    s.after(s.assign('a'))
      .when(s.finish('a', committing))
      .then(s.finishing('a', ['zip', 'cache']));
    s.after(s.assign('a'), s.finish('a', committing)).when(s.commit('a', 'zip')).then(s.committed('a', 'zip'));
    s.after(s.assign('a'), s.finish('a', committing), s.commit('a', 'zip'))
      .when(s.commit('a', 'cache'))
      .then(s.committed('a', 'cache'), s.succeeded('a'), s.queued('b'));
  });

  it('may be told of after its uploads are visible', () => {
    s.after(s.assign('a')).when(s.commit('a', 'zip')).then(s.committed('a', 'zip'));
    s.after(s.assign('a'), s.commit('a', 'zip'), s.commit('a', 'cache'))
      .when(s.finish('a', committing))
      .then(s.succeeded('a'), s.queued('b'));
  });

  it('hears of each upload once', () => {
    s.after(s.assign('a'), s.commit('a', 'zip')).when(s.commit('a', 'zip')).thenNothing();
    s.after(s.run('a', committing), s.commit('a', 'zip'), s.commit('a', 'cache'))
      .when(s.commit('a', 'cache'))
      .thenNothing();
  });

  it('hears of none when it has ended or not begun', () => {
    s.after(s.run('a')).when(s.commit('a', 'late')).thenNothing();
    s.after().when(s.commit('a', 'early')).thenNothing();
  });

  it('hears its end once', () => s.after(s.run('a', committing)).when(s.finish('a', committing)).thenNothing());

  it('fails when one of its uploads is refused', () => {
    const refused = [
      s.failed('a', { reason: 'artifact_upload_failure' }),
      s.skipped('b'),
      s.finished('failed'),
    ] as const;
    s.after(s.run('a', { commits: ['zip'] }))
      .when(s.commit('a', 'zip', false))
      .then(s.committed('a', 'zip', false), ...refused);
    s.after(s.assign('a'), s.commit('a', 'zip', false))
      .when(s.finish('a', { commits: ['zip'] }))
      .then(...refused);
  });

  it('keeps its own reason when it failed and its upload is refused as well', () =>
    s
      .after(s.run('a', { outcome: 'failed', reason: 'missing_artifact', commits: ['zip'] }))
      .when(s.commit('a', 'zip', false))
      .then(
        s.committed('a', 'zip', false),
        s.failed('a', { reason: 'missing_artifact' }),
        s.skipped('b'),
        s.finished('failed'),
      ));

  it('does not end because news of the attempt before is repeated', () => {
    const again = story(plan({ name: 'a', ...retrying(1, 'always') }));
    return again
      .after(again.fails('a', { commits: ['zip'] }), again.commit('a', 'zip'), again.assign('a', 2))
      .when(again.commit('a', 'zip'))
      .then(again.committed('a', 'zip'));
  });

  it('waits for its own commit of a cache that the attempt before had uploaded too', () => {
    const again = story(plan({ name: 'a', ...retrying(1, 'always') }));
    const second = again.after(
      again.fails('a'),
      again.assign('a', 2),
      again.finish('a', { attempt: 2, commits: ['cache'] }),
    );
    second.when(again.commit('a', 'cache', true, 1)).thenNothing();
    second
      .when(again.commit('a', 'cache', true, 2))
      .then(again.committed('a', 'cache'), again.succeeded('a', 2), again.finished('success'));
  });

  it('does not answer for a refused upload of the attempt before', () => {
    const again = story(plan({ name: 'a', ...retrying(1, 'always') }));
    return again
      .after(again.fails('a'), again.assign('a', 2), again.commit('a', 'old zip', false))
      .when(again.finish('a', { attempt: 2, commits: [] }))
      .then(again.succeeded('a', 2), again.finished('success'));
  });
});

describe('An interruptible job', () => {
  const s = one({ interruptible: true });

  it('is told to stop once when a more important one takes its place', () => {
    s.after(s.assign('a')).when(s.preempt('a')).then(s.stopRequested('a', 'preempted'));
    s.after(s.assign('a'), s.preempt('a')).when(s.preempt('a')).thenNothing();
  });

  it('is queued again when it has stopped', () =>
    s
      .after(s.assign('a'), s.preempt('a'))
      .when(s.finish('a', { outcome: 'cancelled' }))
      .then(s.retried('a', 'preempted'), s.queued('a', 2)));

  it('counts as ended when it was faster than the request', () =>
    s.after(s.assign('a'), s.preempt('a')).when(s.finish('a')).then(s.succeeded('a'), s.finished('success')));

  it('is not told to stop a second time when the pipeline is cancelled meanwhile', () =>
    s.after(s.assign('a'), s.preempt('a')).when(s.cancel()).then(s.cancelling()));

  it('is not queued again when the pipeline was cancelled meanwhile', () =>
    s
      .after(s.assign('a'), s.preempt('a'), s.cancel())
      .when(s.finish('a', { outcome: 'cancelled' }))
      .then(s.cancelled('a'), s.finished('cancelled')));

  it('can be preempted in its next attempt, and then cancelled', () => {
    const second = [s.assign('a'), s.preempt('a'), s.finish('a', { outcome: 'cancelled' }), s.assign('a', 2)];
    s.after(second)
      .when(s.preempt('a', 2))
      .then(s.stopRequested('a', 'preempted', 2));
    s.after(second)
      .when(s.cancel())
      .then(s.cancelling(), s.stopRequested('a', 'cancelled', 2));
  });

  it('is left alone when it does not run, or runs another attempt', () => {
    s.after().when(s.preempt('a')).thenNothing();
    s.after(s.run('a')).when(s.preempt('a')).thenNothing();
    s.after(s.assign('a')).when(s.preempt('a', 2)).thenNothing();
    const stubborn = one();
    stubborn.after(stubborn.assign('a')).when(stubborn.preempt('a')).thenNothing();
  });
});
