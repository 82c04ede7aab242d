import { describe, expect, it } from '@jest/globals';
import { JobFailed } from '@foldline/contracts';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan, type JobSketch } from '../testing/plan-builder.ts';

const endsWith = (exitCode: number) => ({ outcome: 'failed', reason: 'script_failure', exitCode }) as const;

/** How the pipeline ends, and the one failure in it. */
const endOf = (job: Partial<JobSketch>, news: Parameters<ReturnType<typeof story>['finish']>[1]) => {
  const s = story(plan({ name: 'a', ...job }));
  const events = historyOf([s.start(), s.assign('a'), s.finish('a', news)]);
  const failure = events.find((event) => event.type === JobFailed.type)?.data as { allowed: boolean; final: boolean };
  return { allowed: failure.allowed, again: !failure.final };
};

describe('Exit codes that a job may fail with', () => {
  const tolerant = { allowFailureExitCodes: [137, 255] };

  it.each([
    [137, true],
    [255, true],
    [1, false],
  ])('tell whether ending with %i is allowed: %s', (exitCode, allowed) =>
    expect(endOf(tolerant, endsWith(exitCode))).toEqual({ allowed, again: false }),
  );

  it('say nothing about an attempt that took too long or lost its runner', () => {
    expect(endOf(tolerant, { outcome: 'timed_out', reason: 'job_timeout', exitCode: 137 }).allowed).toBe(false);
    expect(endOf(tolerant, { outcome: 'failed', reason: 'artifact_upload_failure', exitCode: 137 }).allowed).toBe(
      false,
    );
  });

  it('let what follows go on, and nothing else does', () => {
    const s = story(plan({ name: 'a', stage: 'one', ...tolerant }, { name: 'b', stage: 'two' }));
    const after = (exitCode: number) => historyOf([s.start(), s.assign('a'), s.finish('a', endsWith(exitCode))]);
    expect(after(137)).toContainEqual(s.queued('b'));
    expect(after(1)).toContainEqual(s.skipped('b'));
    expect(after(1)).toContainEqual(s.finished('failed'));
  });

  it('are looked at anew at each attempt that a person asks for', () => {
    const s = story(plan({ name: 'a', ...tolerant }));
    const twice = (first: number, second: number) =>
      historyOf([
        s.start(),
        ...s.run('a', endsWith(first)),
        s.retry('a'),
        ...s.run('a', { attempt: 2, ...endsWith(second) }),
      ]).at(-1);
    expect(twice(137, 1)).toEqual(s.finished('failed'));
    expect(twice(1, 137)).toEqual(s.finished('success', 1));
  });
});

describe('Exit codes that a job is retried for', () => {
  it('suffice without the reason, as the reason does without them', () => {
    const either: Partial<JobSketch> = { retry: { max: 1, when: ['runner_system_failure'], exitCodes: [137] } };
    expect(endOf(either, endsWith(137)).again).toBe(true);
    expect(endOf(either, { outcome: 'failed', reason: 'runner_system_failure' }).again).toBe(true);
    expect(endOf(either, endsWith(1)).again).toBe(false);
  });

  it('may be all that a job is retried for', () => {
    const alone: Partial<JobSketch> = { retry: { max: 1, when: [], exitCodes: [137] } };
    expect(endOf(alone, endsWith(137)).again).toBe(true);
    expect(endOf(alone, endsWith(1)).again).toBe(false);
    expect(endOf(alone, { outcome: 'timed_out', reason: 'job_timeout', exitCode: 137 }).again).toBe(false);
  });

  it('retry a job as often as it may be retried, also one that may fail so', () => {
    const s = story(plan({ name: 'a', allowFailureExitCodes: [9], retry: { max: 1, when: [], exitCodes: [9] } }));
    const events = historyOf([s.start(), ...s.run('a', endsWith(9)), ...s.run('a', { attempt: 2, ...endsWith(9) })]);
    expect(events.filter(({ type }) => type === 'JobRetried')).toHaveLength(1);
    expect(events.at(-1)).toEqual(s.finished('success', 1));
  });
});
