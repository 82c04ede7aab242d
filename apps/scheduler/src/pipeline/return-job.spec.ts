import { describe, expect, it } from '@jest/globals';
import { plan, type JobSketch } from '../testing/plan-builder.ts';
import { historyOf, story } from '../testing/pipeline-story.ts';

const one = (more: Partial<JobSketch> = {}) => story(plan({ name: 'a', ...more }));
const lost = { outcome: 'lost', reason: 'runner_lost' } as const;

describe('A job whose runner was lost before it had started it', () => {
  const s = one();

  it('is queued again as another attempt', () =>
    s.after(s.assign('a')).when(s.giveBack('a')).then(s.retried('a', 'not_started'), s.queued('a', 2)));

  it('is queued again once', () => s.after(s.assign('a'), s.giveBack('a')).when(s.giveBack('a')).thenNothing());

  it('is queued again when it deploys: nothing of it has happened', () => {
    const deploying = one({ environment: { name: 'production' } });
    deploying
      .after(deploying.assign('a'))
      .when(deploying.giveBack('a'))
      .then(deploying.retried('a', 'not_started'), deploying.queued('a', 2));
  });

  it('loses none of the attempts that a lost runner may cost', () => {
    const twice = [s.assign('a'), s.giveBack('a'), s.assign('a', 2), s.giveBack('a', 2)];
    const after = [
      ...twice,
      s.assign('a', 3),
      s.finish('a', { ...lost, attempt: 3 }),
      s.assign('a', 4),
      s.finish('a', { ...lost, attempt: 4 }),
      s.assign('a', 5),
    ];
    s.after(after)
      .when(s.finish('a', { ...lost, attempt: 5 }))
      .then(s.failed('a', { attempt: 5, reason: 'runner_lost' }), s.finished('failed'));
  });

  it('ends when the pipeline is being cancelled', () =>
    s.after(s.assign('a'), s.cancel()).when(s.giveBack('a')).then(s.cancelled('a'), s.finished('cancelled')));

  it('is left alone when it is not with a runner, or is another attempt', () => {
    s.after().when(s.giveBack('a')).thenNothing();
    s.after(s.run('a')).when(s.giveBack('a')).thenNothing();
    s.after(s.assign('a')).when(s.giveBack('a', 2)).thenNothing();
  });

  it('hears nothing of what its first attempt says later', () => {
    const given = [s.assign('a'), s.giveBack('a')];
    s.after(given).when(s.finish('a')).thenNothing();
    s.after(given, s.assign('a', 2)).when(s.finish('a')).thenNothing();
    s.after(given, s.assign('a', 2)).when(s.finish('a', lost)).thenNothing();
  });
});

describe('An assignment', () => {
  it('names the lease that the runner is given the job under', () => {
    const s = one();
    const events = historyOf([s.start(), { ...s.assign('a'), epoch: 'e7' } as ReturnType<typeof s.assign>]);
    expect(events.at(-1)?.data).toMatchObject({ runnerId: 'runner-1', epoch: 'e7' });
  });
});
