import { describe, expect, it } from '@jest/globals';
import type { When } from '@foldline/contracts';
import type { PipelineCommand } from './pipeline.decider.ts';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan, type JobSketch } from '../testing/plan-builder.ts';

type Story = ReturnType<typeof story>;
const interruptible = { onNewCommit: 'interruptible', onJobFailure: 'none' } as const;

/** What may have come of a job, how it is brought about, and what its sketch must say for that. */
const BEFORE: Record<string, { job?: Partial<JobSketch>; ends: (s: Story) => PipelineCommand[] }> = {
  succeeded: { ends: (s) => s.run('before') },
  failed: { ends: (s) => s.fails('before') },
  'failed and might': { job: { allowFailure: true }, ends: (s) => s.fails('before') },
  'was skipped': { job: { when: 'on_failure' }, ends: () => [] },
  'was not started and need not be': { job: { when: 'manual', allowFailure: true }, ends: () => [] },
  'was cancelled': { job: { interruptible: true }, ends: (s) => [s.supersede()] },
  'was cancelled and might fail': { job: { interruptible: true, allowFailure: true }, ends: (s) => [s.supersede()] },
};

type Follows = 'JobQueued' | 'JobSkipped' | 'JobHeld' | 'JobDelayed';
const [runs, is_skipped] = ['JobQueued', 'JobSkipped'] as const;

/** What becomes of a job behind one other, by its `when`. */
const followed = (before: string, when: When, needs: boolean): Follows => {
  const { job = {}, ends } = BEFORE[before]!;
  const behind: JobSketch = { name: 'behind', stage: 'b', when, allowFailure: true, startInSeconds: 60 };
  const jobs = plan(
    { name: 'other', stage: 'a', needs: [] },
    { name: 'before', stage: 'a', ...job },
    { ...behind, ...(needs ? { needs: ['before'] } : {}) },
  );
  const s = story({ ...jobs, autoCancel: interruptible });
  const decisions = historyOf([s.start(), ...s.run('other'), ...ends(s)]).filter(
    ({ type, data }) => 'jobId' in data && data.jobId === s.id('behind') && type !== 'JobRetried',
  );
  expect(decisions).toHaveLength(1);
  return decisions[0]!.type as Follows;
};

/** GitLab's table, by `on_success`, `on_failure` and `always`; where it is another one here, the row says so. */
const STAGES: [before: string, onSuccess: Follows, onFailure: Follows, always: Follows][] = [
  ['succeeded', runs, is_skipped, runs],
  ['failed', is_skipped, runs, runs],
  ['failed and might', runs, is_skipped, runs],
  ['was skipped', runs, is_skipped, runs],
  ['was not started and need not be', runs, is_skipped, runs],
  // There, not even a job for `always` runs behind one that was cancelled.
  ['was cancelled', is_skipped, is_skipped, runs],
  ['was cancelled and might fail', runs, is_skipped, runs],
];
const NEEDS: typeof STAGES = [
  ['succeeded', runs, is_skipped, runs],
  ['failed', is_skipped, runs, runs],
  ['failed and might', runs, is_skipped, runs],
  ['was skipped', is_skipped, is_skipped, runs],
  ['was not started and need not be', is_skipped, is_skipped, runs],
  ['was cancelled', is_skipped, is_skipped, runs],
  ['was cancelled and might fail', runs, is_skipped, runs],
];

describe.each([
  ['an earlier stage', false, STAGES],
  ['its needs', true, NEEDS],
] as const)('A job behind one of %s', (_where, needs, table) => {
  it.each(table)('that %s: on_success %s, on_failure %s, always %s', (before, onSuccess, onFailure, always) => {
    expect(followed(before, 'on_success', needs)).toBe(onSuccess);
    expect(followed(before, 'on_failure', needs)).toBe(onFailure);
    expect(followed(before, 'always', needs)).toBe(always);
  });

  it.each(table)('that %s is held or delayed where it would run on success', (before, onSuccess) => {
    const runsThen = onSuccess === runs;
    expect(followed(before, 'manual', needs)).toBe(runsThen ? 'JobHeld' : is_skipped);
    expect(followed(before, 'delayed', needs)).toBe(runsThen ? 'JobDelayed' : is_skipped);
  });
});

describe('A job for failures', () => {
  it('runs when one of its needs failed, although another was skipped because of that', () => {
    const s = story(plan('build', 'test needs build', { name: 'tell', needs: ['build', 'test'], when: 'on_failure' }));
    expect(historyOf([s.start(), ...s.fails('build')])).toContainEqual(s.queued('tell'));
  });

  it('runs when one job failed and another was cancelled', () => {
    const s = story({
      ...plan(
        { name: 'a', stage: 'one' },
        { name: 'b', stage: 'one', interruptible: true },
        { name: 'tell', stage: 'two', when: 'on_failure' },
      ),
      autoCancel: interruptible,
    });
    expect(historyOf([s.start(), s.supersede(), ...s.fails('a')])).toContainEqual(s.queued('tell'));
  });
});

describe('A pipeline', () => {
  const endOf = (jobs: JobSketch[], ends: (s: Story) => PipelineCommand[]) => {
    const s = story({ ...plan(...jobs), autoCancel: interruptible });
    const last = historyOf([s.start(), ...ends(s)]).at(-1)!;
    return last.type === 'PipelineFinished' ? { status: last.data.status, warnings: last.data.warnings } : last.type;
  };
  const stay: JobSketch = { name: 'stay' };
  const go: JobSketch = { name: 'go', interruptible: true };

  it.each<[string, JobSketch[], (s: Story) => PipelineCommand[], object]>([
    ['all of it succeeded', [stay], (s) => s.run('stay'), { status: 'success' }],
    [
      'what failed might',
      [stay, { name: 'may', allowFailure: true }],
      (s) => [...s.run('stay'), ...s.fails('may')],
      { status: 'success', warnings: 1 },
    ],
    [
      'all that ran failed and might',
      [{ name: 'may', allowFailure: true }],
      (s) => s.fails('may'),
      { status: 'success', warnings: 1 },
    ],
    ['a job failed', [stay, go], (s) => [...s.run('go'), ...s.fails('stay')], { status: 'failed' }],
    ['a job was cancelled', [stay, go], (s) => [s.supersede(), ...s.run('stay')], { status: 'cancelled' }],
    [
      'a job failed and another was cancelled',
      [stay, go],
      (s) => [s.supersede(), ...s.fails('stay')],
      { status: 'failed' },
    ],
    [
      'what was cancelled might fail',
      [stay, { ...go, allowFailure: true }],
      (s) => [s.supersede(), ...s.run('stay')],
      { status: 'success', warnings: 1 },
    ],
    [
      'nobody started what need not be',
      [{ name: 'ask', when: 'manual', allowFailure: true }],
      () => [],
      { status: 'skipped' },
    ],
    [
      'nothing ran but what nobody started',
      [
        { name: 'tell', when: 'on_failure' },
        { name: 'ask', when: 'manual', allowFailure: true },
      ],
      () => [],
      { status: 'skipped' },
    ],
  ])('in which %s', (_what, jobs, ends, expected) => expect(endOf(jobs, ends)).toEqual(expected));

  it('that a person cancelled is cancelled, whatever had come of its jobs', () => {
    expect(endOf([stay, go], (s) => [...s.fails('stay'), s.cancel()])).toEqual({ status: 'cancelled' });
    expect(endOf([stay, go], (s) => [...s.run('stay'), s.cancel()])).toEqual({ status: 'cancelled' });
  });

  it('that was cancelled and taken up again ends as its jobs say', () => {
    const two: JobSketch[] = [stay, { name: 'optional', allowFailure: true }];
    expect(endOf(two, (s) => [s.cancel(), s.retry('stay'), ...s.run('stay', { attempt: 2 })])).toEqual({
      status: 'success',
      warnings: 1,
    });
    expect(endOf([stay, go], (s) => [s.cancel(), s.retry('stay'), ...s.run('stay', { attempt: 2 })])).toEqual({
      status: 'cancelled',
    });
  });
});
