import { describe, expect, it } from '@jest/globals';
import {
  DownstreamReopened,
  DownstreamStopRequested,
  JobCancelled,
  JobStopRequested,
  PipelineCancelling,
  type AutoCancel,
  type PlannedTrigger,
} from '@foldline/contracts';
import { derivedId } from '@foldline/kernel';
import { historyOf, story } from '../testing/pipeline-story.ts';
import { plan, type JobSketch } from '../testing/plan-builder.ts';
import { pipelineDecider } from './pipeline.decider.ts';

const trigger: PlannedTrigger = {
  of: { kind: 'child', include: [{ local: 'ci/child.yml' }], line: 7, column: 3 },
  forward: { yamlVariables: true, pipelineVariables: false },
  strategy: 'depend',
};
const { strategy: _strategy, ...leftToItself } = trigger;
const elsewhere: PlannedTrigger = { ...trigger, of: { kind: 'project', project: 'ada/library', branch: 'main' } };
const interruptible = true;

const because = expect.objectContaining({ rule: expect.stringMatching(/^auto_cancel: /) }) as never;
const byNewer = PipelineCancelling({ pipelineId: 'p1', by: 'scheduler', reason: 'superseded', because });

const withRule = (onNewCommit: AutoCancel['onNewCommit'] | undefined, ...jobs: JobSketch[]) => {
  const autoCancel = onNewCommit && { onNewCommit, onJobFailure: 'none' as const };
  const s = story({ ...plan(...jobs), ...(autoCancel && { autoCancel }) });
  const about = (name: string) => ({ pipelineId: 'p1', jobId: s.id(name), attempt: 1 });
  const stops = (name: string) =>
    DownstreamStopRequested({ ...about(name), downstreamId: derivedId('downstream', s.id(name), '1') });
  const asks = (name: string) => {
    const { type, version, data } = stops(name);
    return { type, version, data: { ...data, supersededBy: 'p2' } };
  };
  const toldToStop = (name: string) =>
    JobStopRequested({ ...about(name), runnerId: 'runner-1', reason: 'cancelled', because });
  const given = (name: string, attempt = 1) => JobCancelled({ ...about(name), attempt, because });
  return { ...s, about, stops, asks, toldToStop, given };
};

const jobs = (more: PlannedTrigger = trigger): JobSketch[] => [
  { name: 'ship', trigger: more, interruptible },
  { name: 'unit', interruptible },
  { name: 'tell', stage: 'last', interruptible },
];

describe('A pipeline below one that a newer one makes redundant', () => {
  describe('by its interruptible jobs', () => {
    const s = withRule('interruptible', ...jobs());

    it('is asked to decide for itself, and the job that waits for it goes on waiting', () =>
      s
        .after(s.assign('unit'), s.follow('ship', 'started'))
        .when(s.supersede())
        .then(s.asks('ship'), s.toldToStop('unit'), s.given('tell', 0)));

    it('says by its end how that job ends', () => {
      const superseded = [s.run('unit'), s.supersede()].flat();
      s.after(superseded).when(s.follow('ship', 'success')).then(s.succeeded('ship'), s.finished('cancelled'));
      expect(historyOf([s.start(), ...superseded, s.follow('ship', 'cancelled')]).at(-2)).toMatchObject({
        type: 'JobCancelled',
        data: s.about('ship'),
      });
    });

    it('is asked once, and again when somebody has taken it up', () => {
      s.after(s.supersede()).when(s.supersede()).thenNothing();
      const again = [s.supersede(), s.follow('ship', 'success'), s.follow('ship', 'reopened')];
      expect(historyOf([s.start(), ...again]).at(-1)).toEqual(DownstreamReopened(s.about('ship')));
      s.after(again).when(s.supersede()).then(s.asks('ship'));
    });

    it('is asked also where it was started and left to itself', () => {
      const other = withRule('interruptible', ...jobs(leftToItself));
      other
        .after(other.run('unit'), other.follow('ship', 'started'), other.run('tell'))
        .when(other.supersede())
        .thenNothing();
      other
        .after(other.run('unit'), other.follow('ship', 'started'), other.assign('tell'))
        .when(other.supersede())
        .then(other.asks('ship'), other.toldToStop('tell'));
    });

    it('goes on where the job that started it is not interruptible', () => {
      const other = withRule('interruptible', { name: 'ship', trigger });
      other.after().when(other.supersede()).thenNothing();
    });
  });

  describe('conservatively', () => {
    const s = withRule('conservative', ...jobs());

    it('is asked to decide for itself, and the other ends when it has', () => {
      s.after(s.run('unit')).when(s.supersede()).then(byNewer, s.asks('ship'), s.cancelled('tell', 0));
      s.after(s.run('unit'), s.supersede())
        .when(s.follow('ship', 'success'))
        .then(s.succeeded('ship'), s.finished('cancelled'));
    });

    it('is told to end when a person cancels the other, once', () => {
      const superseded = [s.run('unit'), s.supersede()].flat();
      s.after(superseded)
        .when(s.cancel())
        .then(s.cancelling(), s.stops('ship'), s.cancelled('ship'), s.finished('cancelled'));
      const running = withRule('conservative', ...jobs(), { name: 'slow', interruptible });
      running.after(running.assign('slow'), running.supersede(), running.cancel()).when(running.cancel()).thenNothing();
    });

    it('of another project goes on, and is not waited for', () => {
      const other = withRule('conservative', { name: 'ship', trigger: elsewhere, interruptible });
      other.after().when(other.supersede()).then(byNewer, other.cancelled('ship'), other.finished('cancelled'));
    });
  });

  describe('decides', () => {
    const mixed: JobSketch[] = [{ name: 'build', interruptible }, { name: 'deploy' }];

    it('by its own plan', () => {
      const own = withRule('interruptible', ...mixed);
      own.after(own.assign('build'), own.assign('deploy')).when(own.supersedeFromAbove()).then(own.toldToStop('build'));
      const none = withRule('none', ...mixed);
      none.after(none.assign('build')).when(none.supersedeFromAbove()).thenNothing();
    });

    it('conservatively where that says nothing', () => {
      const s = withRule(undefined, ...mixed);
      s.after(s.assign('build'))
        .when(s.supersedeFromAbove())
        .then(byNewer, s.stopRequested('build'), s.cancelled('deploy'));
      s.after(s.assign('build'), s.assign('deploy')).when(s.supersedeFromAbove()).thenNothing();
    });

    it('not to begin before its plan is there', () => {
      const s = withRule('none', ...mixed);
      expect(historyOf([s.supersedeFromAbove(), s.supersedeFromAbove(), s.start()]).map(({ type }) => type)).toEqual([
        'PipelineCancelling',
        'PipelineStarted',
        'JobCancelled',
        'JobCancelled',
        'PipelineFinished',
      ]);
      expect(pipelineDecider.decide(s.supersede(), pipelineDecider.initialState())).toEqual([]);
    });

    it('for those below it in turn', () => {
      const s = withRule(undefined, { name: 'ship', trigger, interruptible });
      s.after().when(s.supersedeFromAbove()).then(byNewer, s.asks('ship'));
    });
  });
});
