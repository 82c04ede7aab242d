import { describe, it } from '@jest/globals';
import { SnapshotPruned } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { snapshotDecider } from './snapshot.decider.ts';

const given = givenWhenThen(snapshotDecider);
const data: ReturnType<typeof SnapshotPruned>['data'] = {
  attemptId: 'p1.0.1',
  pipelineId: 'p1',
  projectId: 'pr1',
  jobId: 'p1.0',
  attempt: 1,
  step: 2,
  trees: [],
  manifestDigest: 'a'.repeat(64),
  layers: [{ digest: 'b'.repeat(64), bytes: 7, content: 9 }],
  bytes: 7,
  because: { rule: 'age', detail: 'it was taken more than 7 days ago' },
};
const command = { type: 'PruneSnapshot', ...data } as const;

describe('the state behind a step', () => {
  it('is pruned with what it was', () => given().when(command).then(SnapshotPruned(data)));
  it('is pruned once', () => given(SnapshotPruned(data)).when(command).thenNothing());
  it('is not pruned again for another reason', () =>
    given(SnapshotPruned(data))
      .when({ ...command, bytes: 0, because: { rule: 'disk_reserve', detail: 'the disk is short' } })
      .thenNothing());
});
