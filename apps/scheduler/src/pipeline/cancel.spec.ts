import { describe, expect, it } from '@jest/globals';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan } from '../testing/plan-builder.ts';

describe('Cancelling a pipeline', () => {
  const s = story(
    plan(
      { name: 'a', stage: 'one', retry: { max: 2, when: ['always'] } },
      { name: 'b', stage: 'one' },
      { name: 'gate', stage: 'two', when: 'manual', needs: [] },
      { name: 'tidy', stage: 'three', when: 'always' },
    ),
  );
  const rest = (...names: string[]) => names.map((name) => s.cancelled(name, 0));

  it('before it is planned ends it as soon as its plan is there', () => {
    expect(historyOf([s.cancel()])).toEqual([s.cancelling()]);
    const [, ...events] = historyOf([s.cancel(), s.start()]);
    expect(events).toEqual([s.started(), ...rest('gate', 'a', 'b', 'tidy'), s.finished('cancelled')]);
  });

  it('before a plan without jobs is there ends it as cancelled', () => {
    const empty = story(plan());
    expect(historyOf([empty.cancel(), empty.start()]).at(-1)).toEqual(empty.finished('cancelled'));
  });

  it('ends at once what is created, queued or held', () =>
    s
      .after()
      .when(s.cancel())
      .then(s.cancelling(), s.cancelled('a'), s.cancelled('b'), ...rest('gate', 'tidy'), s.finished('cancelled')));

  it('tells a running job to stop and waits for it', () => {
    s.after(s.assign('a'))
      .when(s.cancel())
      .then(s.cancelling(), s.stopRequested('a'), s.cancelled('b'), ...rest('gate', 'tidy'));
    s.after(s.assign('a'), s.cancel())
      .when(s.finish('a', { outcome: 'cancelled' }))
      .then(s.cancelled('a'), s.finished('cancelled'));
  });

  it.each([
    ['failed', { outcome: 'failed', reason: 'script_failure' }],
    ['ran out of time', { outcome: 'timed_out', reason: 'job_timeout' }],
    ['lost its runner', { outcome: 'lost', reason: 'runner_lost' }],
  ] as const)('cancels a job that %s after the request, without another attempt', (_title, news) =>
    s.after(s.assign('a'), s.cancel()).when(s.finish('a', news)).then(s.cancelled('a'), s.finished('cancelled')),
  );

  it('leaves a job that was faster than the request its success', () =>
    s.after(s.assign('a'), s.cancel()).when(s.finish('a')).then(s.succeeded('a'), s.finished('cancelled')));

  it('leaves a job whose uploads are being committed what came of it', () => {
    const finishing = (news: Parameters<typeof s.finish>[1]) => [
      s.run('b'),
      s.assign('a'),
      s.finish('a', { commits: ['zip'], ...news }),
    ];
    s.after(finishing({}).flat())
      .when(s.cancel())
      .then(s.cancelling(), ...rest('gate', 'tidy'));
    s.after(finishing({}).flat(), s.cancel())
      .when(s.commit('a', 'zip'))
      .then(s.committed('a', 'zip'), s.succeeded('a'), s.finished('cancelled'));
    s.after(finishing({ outcome: 'failed', reason: 'script_failure' }).flat(), s.cancel())
      .when(s.commit('a', 'zip'))
      .then(s.committed('a', 'zip'), s.failed('a'), s.finished('cancelled'));
  });

  it('leaves what has ended as it is', () =>
    s
      .after(s.fails('b'), s.run('a'))
      .when(s.cancel())
      .then(s.cancelling(), ...rest('gate', 'tidy'), s.finished('cancelled')));

  it('twice is once', () => {
    s.after(s.assign('a'), s.cancel()).when(s.cancel()).thenNothing();
    s.after(s.cancel()).when(s.cancel()).thenNothing();
    expect(historyOf([s.cancel(), s.cancel()])).toEqual([s.cancelling()]);
  });

  it('does nothing to a pipeline that has ended', () => {
    const short = story(plan('a'));
    return short.after(short.run('a')).when(short.cancel()).thenNothing();
  });

  it('leaves nothing that could be queued or assigned', () => {
    const cancelling = s.after(s.fails('b'), s.assign('a', 1), s.cancel());
    cancelling.when(s.retry('b')).thenNothing();
    cancelling.when(s.play('gate')).thenNothing();
    cancelling.when(s.assign('a')).thenNothing();
    s.after(s.assign('a'), s.cancel()).when(s.assign('b')).thenNothing();
  });

  it('ends when its last job has: from then on a person may retry', () =>
    s.after(s.cancel()).when(s.retry('a')).then(s.reopened('a'), s.retried('a', 'user'), s.queued('a', 2)));

  it('can be done again after the pipeline was opened again', () =>
    s
      .after(s.cancel(), s.retry('a'), s.assign('a', 2))
      .when(s.cancel())
      .then(s.cancelling(), s.stopRequested('a', 'cancelled', 2)));
});
