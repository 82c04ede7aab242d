import { describe, it } from '@jest/globals';
import { LogSealed } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { logDecider } from './log.decider.ts';

const given = givenWhenThen(logDecider);
const log = { attemptId: 'p1.0.1', jobId: 'p1.0', pipelineId: 'p1', bytes: 4, sha256: 'c'.repeat(64), complete: true };

describe("an attempt's log", () => {
  it('is sealed when the attempt has ended', () => given().when({ type: 'SealLog', log }).then(LogSealed(log)));
  it('is sealed once', () => given(LogSealed(log)).when({ type: 'SealLog', log }).thenNothing());
  it('keeps what was sealed first', () =>
    given(LogSealed(log))
      .when({ type: 'SealLog', log: { ...log, bytes: 9, complete: false } })
      .thenNothing());
});
