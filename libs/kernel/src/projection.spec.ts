import { describe, expect, it } from '@jest/globals';
import { LogSealed, RunnerLost, type NewEvent, type RecordedEvent } from '@foldline/contracts';
import { defineProjection, DocumentFold, when, whenChanged } from './projection.ts';

type Doc = { id: string; bytes: number; seen: string[] };

let position = 0;
const recorded = (event: NewEvent): RecordedEvent => ({
  ...event,
  id: `e${(position += 1)}`,
  stream: 'log-1',
  revision: position,
  position,
  causationId: 'c',
  correlationId: 'p1',
  actor: { kind: 'system', id: 'test' },
  recordedAt: `2030-01-01T00:00:00.00${position % 10}Z`,
});
const sealed = (jobId: string, bytes: number) =>
  recorded(
    LogSealed({ attemptId: `${jobId}.1`, jobId, pipelineId: 'p1', bytes, sha256: '0'.repeat(64), complete: true }),
  );
const lost = () => recorded(RunnerLost({ runnerId: 'r1', epoch: '1', because: 'silent' }));

const byJob = defineProjection<Doc>('jobs', (doc) => ({ byBytes: `${doc.bytes}/${doc.id}` }), [
  when(
    LogSealed,
    ({ jobId, pipelineId }) => [jobId, pipelineId],
    (doc, event, id) => ({ id, bytes: (doc?.bytes ?? 0) + event.data.bytes, seen: [...(doc?.seen ?? []), event.id] }),
  ),
  when(
    RunnerLost,
    () => 'p1',
    (_doc: Doc | undefined) => undefined,
  ),
]);

describe('a projection', () => {
  it('changes every document that the event concerns, from what it was', () => {
    const fold = new DocumentFold([byJob]);
    const events = [sealed('p1.0', 3), sealed('p1.1', 4)];
    for (const event of events) fold.apply(event);
    const jobs = fold.documents.get('jobs')!;
    expect(jobs.get('p1.0')).toMatchObject({ bytes: 3 });
    expect(jobs.get('p1.1')).toMatchObject({ bytes: 4 });
    expect(jobs.get('p1')).toEqual({ id: 'p1', bytes: 7, seen: events.map(({ id }) => id) });
  });

  it('removes a document that becomes nothing', () => {
    const fold = new DocumentFold([byJob]);
    fold.apply(sealed('p1.0', 3));
    fold.apply(lost());
    expect([...fold.documents.get('jobs')!.keys()]).toEqual(['p1.0']);
  });

  it('takes no notice of other events', () => {
    const fold = new DocumentFold([byJob]);
    fold.apply({ ...sealed('p1.0', 3), type: 'SomethingElse' });
    expect(fold.documents.get('jobs')!.size).toBe(0);
  });

  it('folds the same events into the same documents', () => {
    const events = [sealed('p1.0', 3), lost(), sealed('p1.0', 5)];
    const folds = [new DocumentFold([byJob]), new DocumentFold([byJob])];
    for (const fold of folds) for (const event of events) fold.apply(event);
    expect(folds[0]!.documents).toEqual(folds[1]!.documents);
  });

  it('keeps collections apart', () => {
    const other = defineProjection<Doc>('others', () => ({}), [
      when(
        RunnerLost,
        () => 'x',
        (_doc, _event, id) => ({ id, bytes: 0, seen: [] }),
      ),
    ]);
    const fold = new DocumentFold([byJob, other]);
    fold.apply(lost());
    expect(fold.documents.get('others')!.size).toBe(1);
    expect(fold.documents.get('jobs')!.size).toBe(0);
  });

  it('cannot say two things about one event', () =>
    expect(() =>
      defineProjection<Doc>('jobs', () => ({}), [
        when(
          RunnerLost,
          () => 'a',
          (doc) => doc,
        ),
        when(
          RunnerLost,
          () => 'b',
          (doc) => doc,
        ),
      ]),
    ).toThrow('twice'));
});

describe('a projection that follows another', () => {
  type Sum = { id: string; documents: number; bytes: number; lost: number };
  const empty = (id: string): Sum => ({ id, documents: 0, bytes: 0, lost: 0 });
  const sums = defineProjection<Sum>(
    'sums',
    () => ({}),
    [
      when(
        RunnerLost,
        () => 'all',
        (doc = empty('all')) => ({ ...doc, lost: doc.lost + 1 }),
      ),
    ],
    [
      whenChanged<Sum, Doc>(
        'jobs',
        ({ after }) => (after && after.id !== 'p1' ? ['all'] : []),
        (doc = empty('all'), { before, after }) => ({
          ...doc,
          documents: doc.documents + (before ? 0 : 1),
          bytes: doc.bytes + (after?.bytes ?? 0) - (before?.bytes ?? 0),
        }),
      ),
    ],
  );

  it('is told what became of each document, and of the events that it asks for itself', () => {
    const fold = new DocumentFold([sums, byJob]);
    for (const event of [sealed('p1.0', 3), sealed('p1.1', 4), lost(), sealed('p1.0', 5)]) fold.apply(event);
    expect(fold.documents.get('sums')!.get('all')).toEqual({ id: 'all', documents: 2, bytes: 12, lost: 1 });
  });

  it('hears nothing of an event that left a document as it was', () => {
    const same = defineProjection<Doc>('jobs', () => ({}), [
      when(
        LogSealed,
        ({ jobId }) => jobId,
        (doc, _event, id) => doc ?? { id, bytes: 1, seen: [] },
      ),
    ]);
    const fold = new DocumentFold([same, sums]);
    fold.apply(sealed('p1.0', 3));
    fold.apply(sealed('p1.0', 3));
    expect(fold.documents.get('sums')!.get('all')).toMatchObject({ documents: 1, bytes: 1 });
  });
});
