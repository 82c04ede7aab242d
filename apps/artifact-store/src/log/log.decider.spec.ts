import { describe, it } from '@jest/globals';
import { LogPruned, LogSealed } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { logDecider } from './log.decider.ts';

const given = givenWhenThen(logDecider);
const log = { attemptId: 'p1.0.1', jobId: 'p1.0', pipelineId: 'p1', bytes: 4, sha256: 'c'.repeat(64), complete: true };

const because = { rule: 'age', detail: 'its job ended more than 7 days ago' } as const;
const { complete: _complete, ...kept } = log;
const pruned = LogPruned({ ...kept, because });

describe("an attempt's log", () => {
  it('is sealed when the attempt has ended', () => given().when({ type: 'SealLog', log }).then(LogSealed(log)));
  it('is sealed once', () => given(LogSealed(log)).when({ type: 'SealLog', log }).thenNothing());
  it('keeps what was sealed first', () =>
    given(LogSealed(log))
      .when({ type: 'SealLog', log: { ...log, bytes: 9, complete: false } })
      .thenNothing());

  it('is pruned when it is sealed, with what it was', () =>
    given(LogSealed(log)).when({ type: 'PruneLog', because }).then(pruned));
  it('is pruned once', () => given(LogSealed(log), pruned).when({ type: 'PruneLog', because }).thenNothing());
  it('is not pruned before it is sealed', () => given().when({ type: 'PruneLog', because }).thenNothing());
  it('is not sealed again when it was pruned', () =>
    given(LogSealed(log), pruned).when({ type: 'SealLog', log }).thenNothing());
});
