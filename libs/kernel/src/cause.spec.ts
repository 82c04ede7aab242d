import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { because } from './cause.ts';

describe('an event as a cause', () => {
  it('names itself, keeps the correlation and acts in the name of the service', () => {
    const event: RecordedEvent = {
      type: 'JobSucceeded',
      version: 1,
      data: {},
      id: 'e1',
      stream: 'pipeline-p1',
      revision: 4,
      position: 9,
      causationId: 'e0',
      correlationId: 'p1',
      actor: { kind: 'runner', id: 'r1' },
      recordedAt: '2030-01-01T00:00:00.000Z',
    };
    expect(because(event, 'deployer')).toEqual({
      id: 'e1',
      correlationId: 'p1',
      actor: { kind: 'system', id: 'deployer' },
    });
  });
});
