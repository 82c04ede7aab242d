import { describe, expect, it } from '@jest/globals';
import {
  DownstreamReopened,
  DownstreamRequested,
  DownstreamStopRequested,
  jobIdOf,
  type PlannedTrigger,
  type Upstream,
} from '@foldline/contracts';
import { derivedId } from '@foldline/kernel';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { ARTIFACTS, pipelineContext, plan } from '../testing/plan-builder.ts';
import { pipelineDecider, type PipelineCommand } from './pipeline.decider.ts';
import type { PipelineEvent } from './pipeline.evolve.ts';

const forward = { yamlVariables: true, pipelineVariables: false };
const child: PlannedTrigger['of'] = { kind: 'child', include: [{ local: 'ci/child.yml' }], line: 7, column: 3 };
const elsewhere: PlannedTrigger['of'] = { kind: 'project', project: 'ada/library', branch: 'main' };
const starting = (more: Partial<PlannedTrigger> = {}): PlannedTrigger => ({ of: child, forward, ...more });

const shipping = (trigger: PlannedTrigger, more = {}) =>
  story(plan('build', { name: 'ship', stage: 'deploy', trigger, ...more }, { name: 'tell', stage: 'last' }));

const requestedBy = (events: readonly PipelineEvent[]): ReturnType<typeof DownstreamRequested>['data'][] =>
  events.filter(({ type }) => type === 'DownstreamRequested').map(({ data }) => data as never);
const about = (s: ReturnType<typeof shipping>, attempt = 1) => ({ pipelineId: 'p1', jobId: s.id('ship'), attempt });
const typesAfter = (s: ReturnType<typeof shipping>, ...commands: readonly PipelineCommand[][]): string[] =>
  historyOf([s.start(), ...s.run('build'), ...commands.flat()]).map(({ type }) => type);

describe('A job that starts another pipeline', () => {
  const s = shipping(starting());

  it('asks for it when its turn has come, and takes no runner', () => {
    const history = historyOf([s.start(), ...s.run('build')]);
    expect(history.at(-1)).toMatchObject({
      type: 'DownstreamRequested',
      data: {
        ...about(s),
        downstreamId: derivedId('downstream', s.id('ship'), '1'),
        of: {
          kind: 'child',
          definition: { include: [{ local: 'ci/child.yml' }], file: '.codara-ci.yml', line: 7, column: 3 },
          ref: s.context.ref,
          sha: s.context.sha,
        },
        variables: { GREETING: 'hello' },
        upstream: { ...about(s), project: 'ada/engine', depth: 1, budget: 999 },
      },
    });
    s.after(s.run('build')).when(s.assign('ship')).thenNothing();
  });

  it('has done its work when that has begun', () =>
    s.after(s.run('build')).when(s.follow('ship', 'started')).then(s.succeeded('ship'), s.queued('tell')));

  it('is not told twice, nor by the pipeline of another attempt', () => {
    s.after(s.run('build'), s.follow('ship', 'started')).when(s.follow('ship', 'started')).thenNothing();
    s.after(s.run('build'), s.follow('ship', 'started')).when(s.follow('ship', 'failed')).thenNothing();
    s.after(s.run('build'))
      .when(s.follow('ship', 'started', 2))
      .thenNothing();
  });

  it('fails when that could not be started', () => {
    const history = historyOf([s.start(), ...s.run('build'), s.follow('ship', 'refused')]);
    expect(history.slice(-3).map(({ type }) => type)).toEqual(['JobFailed', 'JobSkipped', 'PipelineFinished']);
    expect(history.at(-3)).toMatchObject({ data: { reason: 'downstream_refused', final: true } });
  });

  it('may fail where it says so', () => {
    const allowed = shipping(starting(), { allowFailure: true });
    expect(typesAfter(allowed, [allowed.follow('ship', 'refused')]).slice(-2)).toEqual(['JobFailed', 'JobQueued']);
  });

  it('starts another one with each attempt', () => {
    const history = historyOf([s.start(), ...s.run('build'), s.follow('ship', 'refused'), s.retry('ship')]);
    const [first, second] = requestedBy(history);
    expect(second).toMatchObject(about(s, 2));
    expect(second!.downstreamId).not.toBe(first!.downstreamId);
    s.after(s.run('build'), s.follow('ship', 'refused'), s.retry('ship'))
      .when(s.follow('ship', 'started'))
      .thenNothing();
  });

  it('waits for a person where it is manual, and for its resource group', () => {
    const held = shipping(starting(), { when: 'manual' });
    expect(typesAfter(held).at(-1)).toBe('PipelineBlocked');
    expect(typesAfter(held, [held.play('ship')]).at(-1)).toBe('DownstreamRequested');
    const grouped = shipping(starting(), { resourceGroup: 'production' });
    expect(typesAfter(grouped).at(-1)).toBe('JobAwaitsResource');
    expect(typesAfter(grouped, [grouped.grant('ship')]).at(-1)).toBe('DownstreamRequested');
  });

  it('takes files of the attempts that count with it', () => {
    const made = story(
      plan(
        { name: 'make', artifacts: ARTIFACTS },
        { name: 'ship', stage: 'deploy', trigger: starting({ of: { ...child, artifactsFrom: { make: [0] } } }) },
      ),
    );
    const [asked] = requestedBy(
      historyOf([made.start(), ...made.fails('make'), made.retry('make'), ...made.run('make', { attempt: 2 })]),
    );
    expect(asked!.of).toMatchObject({ definition: { artifacts: { make: [{ jobId: made.id('make'), attempt: 2 }] } } });
  });

  it('of another project names that and nothing of its own commit', () => {
    const other = shipping(starting({ of: elsewhere, inputs: { level: 'full' } }));
    const [asked] = requestedBy(historyOf([other.start(), ...other.run('build')]));
    expect(asked).toMatchObject({ of: elsewhere, inputs: { level: 'full' } });
    expect(asked!.of).toEqual(elsewhere);
  });

  it('shares what is left to start with its siblings and with what is above', () => {
    const upstream: Upstream = { pipelineId: 'p0', jobId: 'p0.1', attempt: 1, project: 'ada/x', depth: 2, budget: 40 };
    const two = plan({ name: 'a', trigger: starting() }, { name: 'b', trigger: starting() });
    const context = { ...pipelineContext('p1'), upstream };
    const events = pipelineDecider.decide(
      { type: 'StartPipeline', context, plan: two },
      pipelineDecider.initialState(),
    );
    expect(requestedBy(events).map(({ upstream: { depth, budget } }) => ({ depth, budget }))).toEqual([
      { depth: 3, budget: 19 },
      { depth: 3, budget: 19 },
    ]);
  });
});

describe('A job that waits for the pipeline that it has started', () => {
  const s = shipping(starting({ strategy: 'depend' }));
  const waiting = [...s.run('build'), s.follow('ship', 'started')];

  it('goes on waiting when that has begun', () =>
    s.after(s.run('build')).when(s.follow('ship', 'started')).thenNothing());

  it('ends well when that does', () =>
    s.after(waiting).when(s.follow('ship', 'success')).then(s.succeeded('ship'), s.queued('tell')));

  it('ends well too when nothing of that had to run', () =>
    s.after(waiting).when(s.follow('ship', 'skipped')).then(s.succeeded('ship'), s.queued('tell')));

  it.each(['failed', 'timed_out'] as const)('fails when that has %s', (became) => {
    const history = historyOf([s.start(), ...waiting, s.follow('ship', became)]);
    expect(history.at(-3)).toMatchObject({ type: 'JobFailed', data: { reason: 'downstream_failed' } });
  });

  it('is cancelled when that is', () =>
    expect(typesAfter(s, [s.follow('ship', 'cancelled')]).slice(-3)).toEqual([
      'JobCancelled',
      'JobSkipped',
      'PipelineFinished',
    ]));

  it('is skipped when that is and it mirrors it', () => {
    const mirror = shipping(starting({ strategy: 'mirror' }));
    expect(typesAfter(mirror, [mirror.follow('ship', 'skipped')]).slice(-2)).toEqual(['JobSkipped', 'JobQueued']);
  });

  it('is undecided again when somebody takes that up again', () => {
    const failed = [...waiting, s.follow('ship', 'failed')];
    s.after(failed)
      .when(s.follow('ship', 'reopened'))
      .then(s.reopened('ship'), DownstreamReopened(about(s)));
    expect(
      typesAfter(s, failed.slice(2), [s.follow('ship', 'reopened'), s.follow('ship', 'success')]).slice(-2),
    ).toEqual(['JobSucceeded', 'JobQueued']);
    s.after(failed, s.follow('ship', 'reopened')).when(s.follow('ship', 'reopened')).thenNothing();
  });

  it('that does not wait is not', () => {
    const other = shipping(starting());
    other
      .after(other.run('build'), other.follow('ship', 'started'))
      .when(other.follow('ship', 'reopened'))
      .thenNothing();
  });
});

describe('When a pipeline is cancelled', () => {
  const stop = (s: ReturnType<typeof shipping>) =>
    DownstreamStopRequested({ ...about(s), downstreamId: derivedId('downstream', jobIdOf('p1', 1), '1') });

  it('so is the child that a job of it waits for', () => {
    const s = shipping(starting({ strategy: 'depend' }));
    s.after(s.run('build'))
      .when(s.cancel())
      .then(s.cancelling(), stop(s), s.cancelled('ship'), s.cancelled('tell', 0), s.finished('cancelled'));
  });

  it('so is the child that was started and left to itself', () => {
    const s = shipping(starting());
    s.after(s.run('build'), s.follow('ship', 'started'))
      .when(s.cancel())
      .then(s.cancelling(), stop(s), s.cancelled('tell'), s.finished('cancelled'));
  });

  it('the pipeline of another project goes on', () => {
    const s = shipping(starting({ of: elsewhere, strategy: 'depend' }));
    s.after(s.run('build'))
      .when(s.cancel())
      .then(s.cancelling(), s.cancelled('ship'), s.cancelled('tell', 0), s.finished('cancelled'));
  });

  it('nothing is told of children that were never started', () => {
    const s = shipping(starting());
    s.after()
      .when(s.cancel())
      .then(
        s.cancelling(),
        s.cancelled('build'),
        s.cancelled('ship', 0),
        s.cancelled('tell', 0),
        s.finished('cancelled'),
      );
  });
});
