import { describe, expect, it } from '@jest/globals';
import type { RunStep, StepFinished } from '@foldline/contracts';
import { ManualClock } from '@foldline/testing';
import type { ShellStep, StepResult } from './job-endings.ts';
import { JobSteps } from './job-steps.ts';
import { runSteps, type StepTools } from './run-steps.ts';
import type { StopReason } from './stop-reason.ts';

type Finished = ReturnType<typeof StepFinished>['data'];

const step = (name: string, more: Partial<RunStep> = {}): RunStep => ({
  name,
  kind: 'run',
  command: name,
  environment: {},
  ...more,
});

/** Commands whose shells end as they are told to. */
const bench = (
  endings: Readonly<Record<string, StepResult | ((end: Promise<void>) => Promise<StepResult>)>>,
  more: Partial<StepTools> = {},
) => {
  const clock = new ManualClock();
  const records: Finished[] = [];
  const shells: ShellStep[] = [];
  const kept: number[] = [];
  let stopped: StopReason | undefined;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const about = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
  let written = 0;
  const tools: StepTools = {
    steps: new JobSteps(
      { about, record: (fact) => records.push(fact.data as Finished), markLog: () => (written += 10) },
      clock,
    ),
    clock,
    variables: { CI_PROJECT_DIR: '/builds/ada' },
    shell: async (shell) => {
      shells.push(shell);
      const ending = endings[shell.name] ?? { outcome: 'success', exitCode: 0 };
      return typeof ending === 'function' ? ending(ended) : ending;
    },
    end: () => end(),
    stopped: () => stopped,
    keep: async (at) => void kept.push(at),
    ...more,
  };
  const stop = (reason: StopReason): void => void (stopped = reason);
  const run = (...steps: RunStep[]) =>
    runSteps(
      steps.map((one, at) => ({ ...one, at })),
      tools,
    );
  return { clock, records, shells, kept, run, stop, steps: tools.steps };
};

const failed: StepResult = { outcome: 'failed', exitCode: 3, detail: 'exit code 3' };
const outcomes = (records: readonly Finished[]): string[] => records.map(({ name, outcome }) => `${name} ${outcome}`);

describe('the commands of a job', () => {
  it('have their state kept when they went well and another follows', async () => {
    const { run, kept } = bench({ c: failed });
    await run(step('a'), step('b'), step('c'), step('d'));
    expect(kept).toEqual([0, 1]);
  });

  it('have none kept behind one whose effect is not only in the workspace', async () => {
    const { run, kept } = bench({});
    await run(step('a'), step('b', { resumable: false }), step('c'), step('d'));
    expect(kept).toEqual([0]);
  });

  it('have their state kept, too, when they may fail', async () => {
    const { run, kept } = bench({ a: failed });
    await run(step('a', { continueOnError: true }), step('b'));
    expect(kept).toEqual([0]);
  });

  it('are not carried out again up to the one that an earlier attempt has got behind', async () => {
    const { run, records, shells } = bench({}, { resumed: { from: 1, step: 1 } });
    expect(await run(step('a'), step('b'), step('c'))).toEqual({ outcome: 'success', exitCode: 0 });
    expect(shells.map(({ name }) => name)).toEqual(['c']);
    expect(records).toMatchObject([
      { name: 'a', step: 0, outcome: 'success', resumedFrom: 1 },
      { name: 'b', step: 1, outcome: 'success', resumedFrom: 1 },
      { name: 'c', step: 2, outcome: 'success' },
    ]);
  });

  it('run one after the other, and the job ends well when all of them do', async () => {
    const { run, records } = bench({});
    expect(await run(step('a'), step('b'))).toEqual({ outcome: 'success', exitCode: 0 });
    expect(outcomes(records)).toEqual(['a success', 'b success']);
  });

  it('alone ask where the log is, which what the system does between them need not know', async () => {
    const { run, records, steps } = bench({});
    await steps.own('Check out', true, async () => undefined);
    await run(step('a'));
    expect(records.map(({ name, log }) => [name, log])).toEqual([
      ['Check out', undefined],
      ['a', { start: 10, end: 20 }],
    ]);
  });

  it('are recorded with their place in the plan and that of their output in the log', async () => {
    const { run, records } = bench({});
    await run(step('a'), step('b'));
    expect(records.map((record) => [record.step, record.log])).toEqual([
      [0, { start: 10, end: 20 }],
      [1, { start: 30, end: 40 }],
    ]);
  });

  it('are skipped behind one that fails, and the job fails as that one did', async () => {
    const { run, records } = bench({ b: failed });
    expect(await run(step('a'), step('b'), step('c'))).toEqual({
      outcome: 'failed',
      reason: 'script_failure',
      exitCode: 3,
      detail: 'the step "b" failed: exit code 3',
    });
    expect(outcomes(records)).toEqual(['a success', 'b failed', 'c skipped']);
  });

  it('go on behind one that may fail', async () => {
    const { run, records } = bench({ a: failed });
    expect(await run(step('a', { continueOnError: true }), step('b'))).toMatchObject({ outcome: 'success' });
    expect(outcomes(records)).toEqual(['a failed', 'b success']);
  });

  it('are ended when they take longer than they may, whatever they make of it', async () => {
    const { clock, run, records } = bench({ slow: (end) => end.then(() => ({ outcome: 'success', exitCode: 0 })) });
    const ending = run(step('slow', { timeoutSeconds: 5 }), step('b'));
    await clock.advance(5000);
    expect(await ending).toMatchObject({ outcome: 'timed_out', reason: 'job_timeout' });
    expect(outcomes(records)).toEqual(['slow timed_out', 'b skipped']);
  });

  it('are nobody’s to end once they have ended', async () => {
    const { clock, run, records } = bench({});
    await run(step('quick', { timeoutSeconds: 5 }));
    await clock.advance(10_000);
    expect(outcomes(records)).toEqual(['quick success']);
  });

  it.each([
    ['cancelled', 'cancelled'],
    ['timed_out', 'timed_out'],
    ['shutdown', 'failed'],
  ] as const)('are told as what the job ended by: %s', async (reason, outcome) => {
    const job = bench({
      a: async () => {
        job.stop(reason);
        return failed;
      },
    });
    await job.run(step('a'), step('b'));
    expect(outcomes(job.records)).toEqual([`a ${outcome}`, 'b skipped']);
  });

  it('run where and with what their step says', async () => {
    const { run, shells } = bench({});
    await run(step('a', { directory: "$CI_PROJECT_DIR/it's", environment: { HERE: '$CI_PROJECT_DIR', PRICE: '$$5' } }));
    expect(shells).toEqual([
      { name: 'a', commands: [`cd -- '/builds/ada/it'\\''s'`, 'a'], environment: { HERE: '/builds/ada', PRICE: '$5' } },
    ]);
  });
});
