import { describe, expect, it } from '@jest/globals';
import { PipelineRejected, type Problem } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan } from '../testing/plan-builder.ts';
import { pipelineDecider, type PipelineCommand } from './pipeline.decider.ts';

const given = givenWhenThen(pipelineDecider);
const problem: Problem = {
  code: 'unknown-key',
  severity: 'error',
  message: 'There is no `scrpt`.',
  file: '.codara-ci.yml',
  line: 2,
  column: 3,
};

describe('A planned pipeline', () => {
  const s = story(plan('a', 'b needs a'));

  it('starts', () => given().when(s.start()).then(s.started(), s.queued('a')));
  it('starts once', () => s.after().when(s.start()).thenNothing());
  it('knows nothing before it starts', () => {
    const commands = [s.assign('a'), s.finish('a'), s.commit('a', 'zip'), s.play('a'), s.retry('a'), s.preempt('a')];
    for (const command of [...commands, s.explain('a', 'no_runner')]) given().when(command).thenNothing();
  });

  it('tells its jobs which of its variables are never filled in', () => {
    const raw = story({ ...plan('a'), variables: { A: '$B' }, rawVariables: ['A'] });
    const assigned = raw.assigned('a');
    raw
      .after()
      .when(raw.assign('a'))
      .then({ ...assigned, data: { ...assigned.data, rawPipelineVariables: ['A'] } });
  });

  it('knows no job of another pipeline', () => {
    const foreign = ['p2.0', 'p1.7', 'p1.', '', 'p1.0.0', 'p1.-1'];
    for (const jobId of foreign) s.after().when({ type: 'RetryJob', jobId, by: 'ada' }).thenNothing();
    for (const jobId of foreign) {
      s.after(s.assign('a'))
        .when({ type: 'FinishAttempt', jobId, attempt: 1, outcome: 'success', commits: [] })
        .thenNothing();
    }
  });
});

describe('A pipeline whose definition is refused', () => {
  const reject: PipelineCommand = { type: 'RejectPipeline', pipelineId: 'p1', problems: [problem] };
  const rejected = PipelineRejected({ pipelineId: 'p1', problems: [problem] });
  const s = story(plan('a'));

  it('ends with its problems', () => given().when(reject).then(rejected));
  it('ends once', () => given(rejected).when(reject).thenNothing());
  it('does not start or get cancelled any more', () => {
    given(rejected).when(s.start()).thenNothing();
    given(rejected).when(s.cancel()).thenNothing();
    given(rejected).when(s.retry('a')).thenNothing();
  });
  it('ends although it was cancelled before', () => given(s.cancelling()).when(reject).then(rejected));
  it('is not refused once it has started', () => s.after().when(reject).thenNothing());
});

describe('A queued job', () => {
  const s = story(plan({ name: 'a', retry: { max: 1, when: ['always'] } }, 'b'));

  it('is given to a runner with all that the runner may know', () =>
    s.after().when(s.assign('a')).then(s.assigned('a')));

  it('is given to one runner only', () =>
    s
      .after(s.assign('a'))
      .when({ ...s.assign('a'), runnerId: 'runner-2' } as PipelineCommand)
      .thenNothing());

  it('is not given away under an old number', () => {
    s.after(s.fails('a')).when(s.assign('a')).thenNothing();
    s.after(s.fails('a'))
      .when(s.assign('a', 2))
      .then(s.assigned('a', [], 2));
  });

  it('says why it waits, once per reason and attempt', () => {
    s.after().when(s.explain('a', 'no_cluster')).then(s.waiting('a', 'no_cluster'));
    s.after(s.explain('a', 'no_cluster')).when(s.explain('a', 'no_cluster')).thenNothing();
    s.after(s.explain('a', 'no_cluster')).when(s.explain('a', 'too_large')).then(s.waiting('a', 'too_large'));
    s.after(s.explain('a', 'no_cluster'), s.fails('a'))
      .when(s.explain('a', 'no_cluster', 2))
      .then(s.waiting('a', 'no_cluster', 2));
    s.after(s.assign('a')).when(s.explain('a', 'no_cluster')).thenNothing();
  });
});

describe('A job that a person retries', () => {
  const stages = story(
    plan(
      { name: 'a', stage: 'one' },
      { name: 'b', stage: 'one', needs: ['a'] },
      { name: 'c', stage: 'two' },
      { name: 'd', stage: 'three', needs: ['c'] },
      { name: 'e', stage: 'three' },
      { name: 'rescue', stage: 'three', when: 'on_failure' },
    ),
  );
  const failed = stages.fails('a');

  it('opens the finished pipeline again', () =>
    stages
      .after(failed, stages.run('rescue'))
      .when(stages.retry('a'))
      .then(stages.reopened('a'), stages.retried('a', 'user'), stages.queued('a', 2)));

  it('gets one further attempt, however often that is asked', () =>
    stages.after(failed, stages.retry('a')).when(stages.retry('a')).thenNothing());

  it('gives what was skipped behind it its chance, stage by stage and by needs', () => {
    const again = [failed, stages.run('rescue'), stages.retry('a')].flat();
    stages
      .after(again, stages.assign('a', 2))
      .when(stages.finish('a', { attempt: 2 }))
      .then(stages.succeeded('a', 2), stages.queued('b'));
    stages
      .after(again, stages.run('a', { attempt: 2 }), stages.assign('b'))
      .when(stages.finish('b'))
      .then(stages.succeeded('b'), stages.queued('c'));
    stages
      .after(again, stages.run('a', { attempt: 2 }), stages.run('b'), stages.assign('c'))
      .when(stages.finish('c'))
      .then(stages.succeeded('c'), stages.queued('d'), stages.queued('e'));
    stages
      .after(
        again,
        stages.run('a', { attempt: 2 }),
        stages.run('b'),
        stages.run('c'),
        stages.run('d'),
        stages.assign('e'),
      )
      .when(stages.finish('e'))
      .then(stages.succeeded('e'), stages.finished('success'));
  });

  it('skips them again when it fails again', () =>
    stages
      .after(failed, stages.run('rescue'), stages.retry('a'), stages.assign('a', 2))
      .when(stages.finish('a', { attempt: 2, outcome: 'failed', reason: 'script_failure' }))
      .then(
        stages.failed('a', { attempt: 2 }),
        stages.skipped('b'),
        stages.skipped('c'),
        stages.skipped('d'),
        stages.skipped('e'),
        stages.finished('failed'),
      ));

  it('leaves alone what has run', () => {
    const s = story(plan('a', 'b needs a'));
    return s
      .after(s.run('a'), s.run('b'), s.retry('a'), s.assign('a', 2))
      .when(s.finish('a', { attempt: 2 }))
      .then(s.succeeded('a', 2), s.finished('success'));
  });

  it('runs beside those of later stages that are running, and the stages after them wait for both', () => {
    const s = story(plan({ name: 'a', stage: 'one' }, { name: 'b', stage: 'two' }, { name: 'c', stage: 'three' }));
    const both = [s.run('a'), s.assign('b'), s.retry('a'), s.assign('a', 2)].flat();
    s.after(both).when(s.finish('b')).then(s.succeeded('b'));
    s.after(both, s.finish('b'))
      .when(s.finish('a', { attempt: 2 }))
      .then(s.succeeded('a', 2), s.queued('c'));
    s.after(both, s.finish('a', { attempt: 2 }))
      .when(s.finish('b'))
      .then(s.succeeded('b'), s.queued('c'));
  });

  it('must have run: what was skipped or has not ended is not retried', () => {
    stages.after(failed).when(stages.retry('b')).thenNothing();
    stages.after().when(stages.retry('a')).thenNothing();
    stages.after().when(stages.retry('c')).thenNothing();
  });

  it('leaves the pipeline failed while another failure stays', () => {
    const s = story(plan('a', 'b'));
    expect(
      historyOf([s.start(), ...s.fails('a'), ...s.fails('b'), s.retry('a'), ...s.run('a', { attempt: 2 })]).at(-1),
    ).toEqual(s.finished('failed'));
  });

  it('behind a chain of ten thousand skipped jobs opens all of them again', () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `job ${n}`);
    const s = story(plan(...names.map((name, n) => (n === 0 ? name : `${name} needs job ${n - 1}`))));
    const events = historyOf([s.start(), ...s.fails('job 0'), s.retry('job 0'), ...s.run('job 0', { attempt: 2 })]);
    expect(events.at(-1)).toEqual(s.queued('job 1'));
  });
});
