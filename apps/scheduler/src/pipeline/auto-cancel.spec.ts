import { describe, expect, it } from '@jest/globals';
import { JobCancelled, JobStopRequested, PipelineCancelling, type AutoCancel } from '@foldline/contracts';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan, type JobSketch } from '../testing/plan-builder.ts';

const told = { because: expect.objectContaining({ rule: expect.stringMatching(/^auto_cancel: /) }) as never };

const withAutoCancel = (autoCancel: Partial<AutoCancel>, ...jobs: JobSketch[]) => {
  const s = story({
    ...plan(...jobs),
    autoCancel: { onNewCommit: 'none', onJobFailure: 'none', ...autoCancel },
  });
  const about = (name: string) => ({ pipelineId: 'p1', jobId: s.id(name), attempt: 1 });
  return {
    ...s,
    by: (reason: 'job_failed' | 'superseded') =>
      PipelineCancelling({ pipelineId: 'p1', by: 'scheduler', reason, ...told }),
    given: (name: string, attempt = 1) => JobCancelled({ ...about(name), attempt, ...told }),
    toldToStop: (name: string) =>
      JobStopRequested({ ...about(name), runnerId: 'runner-1', reason: 'cancelled', ...told }),
  };
};
const failure = { outcome: 'failed', reason: 'script_failure' } as const;

describe('A pipeline that ends with its first failure', () => {
  const jobs: JobSketch[] = [
    { name: 'lint', stage: 'one', allowFailure: true },
    { name: 'unit', stage: 'one', retry: { max: 1, when: ['job_timeout'] } },
    { name: 'slow', stage: 'one' },
    { name: 'tell', stage: 'two', when: 'on_failure' },
    { name: 'tidy', stage: 'two', when: 'always' },
  ];
  const s = withAutoCancel({ onJobFailure: 'all' }, ...jobs);

  it('stops what runs, and begins nothing new', () =>
    s
      .after(s.assign('lint'), s.assign('slow'), s.assign('unit'))
      .when(s.finish('unit', failure))
      .then(
        s.failed('unit'),
        s.by('job_failed'),
        s.stopRequested('lint'),
        s.stopRequested('slow'),
        s.cancelled('tell', 0),
        s.cancelled('tidy', 0),
      ));

  it('is failed when the last of it has stopped', () =>
    s
      .after(s.run('lint'), s.assign('slow'), ...s.fails('unit'))
      .when(s.finish('slow', { outcome: 'cancelled' }))
      .then(s.cancelled('slow'), s.finished('failed')));

  it('has timed out when that was the failure', () => {
    const timedOut = { outcome: 'timed_out', reason: 'job_timeout' } as const;
    const again = [...s.run('unit', timedOut), s.assign('unit', 2)];
    expect(historyOf([s.start(), ...again, s.finish('unit', { attempt: 2, ...timedOut })]).at(-1)).toEqual(
      s.finished('timed_out'),
    );
  });

  it('goes on after a failure that is allowed, and while another attempt follows', () => {
    s.after(s.assign('lint')).when(s.finish('lint', failure)).then(s.failed('lint'));
    s.after(s.assign('unit'))
      .when(s.finish('unit', { outcome: 'timed_out' }))
      .then(
        s.failed('unit', { reason: 'job_timeout', final: false }),
        s.retried('unit', 'policy'),
        s.queued('unit', 2),
      );
  });

  it('is told the failure once', () => {
    s.after(s.assign('slow'), s.fails('unit')).when(s.finish('unit', failure)).thenNothing();
    s.after(s.assign('lint'), s.assign('slow'), s.fails('unit')).when(s.cancel()).thenNothing();
  });

  it('does so again when a person has taken it up', () => {
    const first = [s.run('lint'), s.run('slow'), s.fails('unit')].flat();
    s.after(first, s.retry('unit'), s.assign('unit', 2))
      .when(s.finish('unit', { attempt: 2, ...failure }))
      .then(s.failed('unit', { attempt: 2 }), s.by('job_failed'), s.finished('failed'));
  });

  it('is one only where its plan says so', () => {
    const other = withAutoCancel({ onJobFailure: 'none' }, ...jobs);
    other
      .after(other.assign('slow'), other.assign('unit'))
      .when(other.finish('unit', failure))
      .then(other.failed('unit'));
  });
});

describe('A pipeline that a newer one of its branch makes redundant', () => {
  const jobs: JobSketch[] = [
    { name: 'build', stage: 'build', interruptible: true },
    { name: 'unit', stage: 'test', interruptible: true },
    { name: 'deploy', stage: 'test' },
    { name: 'tidy', stage: 'tidy', when: 'always' },
  ];

  describe('conservatively', () => {
    const s = withAutoCancel({ onNewCommit: 'conservative' }, ...jobs);

    it('is cancelled while only interruptible jobs have begun', () =>
      s
        .after(s.assign('build'))
        .when(s.supersede())
        .then(
          s.by('superseded'),
          s.stopRequested('build'),
          s.cancelled('unit', 0),
          s.cancelled('deploy', 0),
          s.cancelled('tidy', 0),
        ));

    it('goes on once another job has begun, also when that has ended', () => {
      s.after(s.run('build'), s.assign('deploy')).when(s.supersede()).thenNothing();
      s.after(s.run('build'), s.assign('unit'), s.run('deploy')).when(s.supersede()).thenNothing();
    });

    it('is cancelled then', () =>
      s
        .after(s.assign('build'), s.supersede())
        .when(s.finish('build', { outcome: 'cancelled' }))
        .then(s.cancelled('build'), s.finished('cancelled')));

    it('is so once, and not after its end', () => {
      s.after(s.assign('build'), s.supersede()).when(s.supersede()).thenNothing();
      s.after(s.supersede()).when(s.supersede()).thenNothing();
    });
  });

  describe('by its interruptible jobs', () => {
    const s = withAutoCancel({ onNewCommit: 'interruptible' }, ...jobs);
    const testing = [s.run('build'), s.assign('unit'), s.assign('deploy')].flat();

    it('loses those that run, and those that wait', () => {
      s.after(testing).when(s.supersede()).then(s.toldToStop('unit'));
      s.after(s.run('build'), s.assign('deploy')).when(s.supersede()).then(s.given('unit'));
    });

    it('loses those whose turn has not come, with what waits for them', () =>
      s.after().when(s.supersede()).then(s.given('build'), s.given('unit', 0), s.skipped('deploy'), s.queued('tidy')));

    it('keeps the others, and decides about what follows from what is left', () => {
      s.after(testing, s.supersede())
        .when(s.finish('unit', { outcome: 'cancelled' }))
        .then(s.given('unit'));
      s.after(testing, s.supersede(), s.finish('unit', { outcome: 'cancelled' }))
        .when(s.finish('deploy'))
        .then(s.succeeded('deploy'), s.queued('tidy'));
      s.after(testing, s.supersede(), s.finish('unit', { outcome: 'cancelled' }), s.finish('deploy'), s.assign('tidy'))
        .when(s.finish('tidy'))
        .then(s.succeeded('tidy'), s.finished('cancelled'));
    });

    it('does not try such a job again, however its attempt ended', () => {
      const retried = withAutoCancel(
        { onNewCommit: 'interruptible' },
        { name: 'unit', interruptible: true, retry: { max: 2, when: ['always'] } },
      );
      const stopping = [retried.assign('unit'), retried.supersede()];
      for (const news of [failure, { outcome: 'lost' } as const])
        retried
          .after(stopping)
          .when(retried.finish('unit', news))
          .then(retried.given('unit'), retried.finished('cancelled'));
      retried.after(stopping).when(retried.giveBack('unit')).then(retried.given('unit'), retried.finished('cancelled'));
      retried
        .after(retried.assign('unit'), retried.preempt('unit'), retried.supersede())
        .when(retried.finish('unit', { outcome: 'cancelled' }))
        .then(retried.given('unit'), retried.finished('cancelled'));
    });

    it('is told once', () => s.after(testing, s.supersede()).when(s.supersede()).thenNothing());
  });

  it.each([{ onNewCommit: 'none' as const }, {}])('goes on where its plan says so: %j', (autoCancel) => {
    const s = withAutoCancel(autoCancel, ...jobs);
    s.after(s.assign('build')).when(s.supersede()).thenNothing();
  });

  it('goes on where its plan says nothing', () => {
    const s = story(plan(...jobs));
    s.after(s.assign('build')).when(s.supersede()).thenNothing();
  });
});
