import { describe, it } from '@jest/globals';
import { AttemptFinished, AttemptStarted, StepFinished } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { attemptDecider } from './attempt.decider.ts';

const given = givenWhenThen(attemptDecider);
const about = { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 };
const started = AttemptStarted({ ...about, runnerId: 'one', executor: 'process' });
const step = StepFinished({ ...about, index: 0, name: 'script', outcome: 'success', durationMs: 1 });
const upload = StepFinished({ ...about, index: 1, name: 'upload artifacts', outcome: 'success', durationMs: 1 });
const finished = AttemptFinished({ ...about, runnerId: 'one', outcome: 'success', durationMs: 2, commits: [] });
const lost = AttemptFinished({ ...about, runnerId: 'one', outcome: 'lost', durationMs: 2, commits: [] });

describe('An attempt', () => {
  it('starts', () => {
    given().when({ type: 'StartAttempt', started }).then(started);
  });

  it('starts once', () => {
    given(started).when({ type: 'StartAttempt', started }).thenNothing();
    given(started, finished).when({ type: 'StartAttempt', started }).thenNothing();
  });

  it('tells facts while it runs', () => {
    given(started, step)
      .when({ type: 'RecordFacts', facts: [upload] })
      .then(upload);
    given(started).when({ type: 'RecordFacts', facts: [] }).thenNothing();
  });

  it('tells nothing before it started or after it ended', () => {
    given()
      .when({ type: 'RecordFacts', facts: [step] })
      .thenNothing();
    given(started, finished)
      .when({ type: 'RecordFacts', facts: [step] })
      .thenNothing();
  });

  it('ends with its last facts, in order', () => {
    given(started)
      .when({ type: 'FinishAttempt', facts: [step, upload], finished })
      .then(step, upload, finished);
  });

  it('ends once, whoever comes second', () => {
    given(started, finished)
      .when({ type: 'FinishAttempt', facts: [step], finished: lost })
      .thenNothing();
    given(started, lost)
      .when({ type: 'FinishAttempt', facts: [step], finished })
      .thenNothing();
  });

  it('never ends when it never started', () => {
    given().when({ type: 'FinishAttempt', facts: [], finished: lost }).thenNothing();
  });
});
