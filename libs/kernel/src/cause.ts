import type { RecordedEvent } from '@foldline/contracts';
import type { Cause } from './decide-together.ts';

/** An event as the cause of a command: same correlation, and the service acts on its own behalf. */
export const because = (event: RecordedEvent, service: string): Cause => ({
  id: event.id,
  correlationId: event.correlationId,
  actor: { kind: 'system', id: service },
});
