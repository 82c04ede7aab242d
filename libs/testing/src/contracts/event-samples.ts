import type { RecordedEvent } from '@foldline/contracts';
import type { EventToAppend } from '@foldline/kernel';

let serial = 0;

/** An event nobody else has; its data says how many were made before it. */
export const sampleEvent = (correlationId = 'pipeline-one'): EventToAppend => {
  serial += 1;
  return {
    id: `00000000-0000-5000-8000-${serial.toString(16).padStart(12, '0')}`,
    type: 'JobQueued',
    version: 1,
    data: { serial, text: 'Grüße, 世界 🚀', nested: { list: [1, null, 'two'] } },
    causationId: `cause-${serial}`,
    correlationId,
    actor: { kind: 'user', id: 'someone' },
  };
};

export const sampleEvents = (count: number, correlationId?: string): EventToAppend[] =>
  Array.from({ length: count }, () => sampleEvent(correlationId));

/** Collects what a listener is given, and lets a test wait until enough has come. */
export class Collected {
  readonly events: RecordedEvent[] = [];
  private readonly waiters = new Set<() => void>();

  add(events: readonly RecordedEvent[]): void {
    this.events.push(...events);
    for (const wake of this.waiters) wake();
  }

  /** Resolves when this many have come; the test's own time limit is the limit. */
  async until(count: number): Promise<readonly RecordedEvent[]> {
    await this.when(() => this.events.length >= count);
    return this.events;
  }

  async when(met: () => boolean): Promise<void> {
    if (met()) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!met()) return;
        this.waiters.delete(check);
        resolve();
      };
      this.waiters.add(check);
    });
  }
}

/** A promise and the way to settle it. */
export const gate = (): { opened: Promise<void>; open: () => void } => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};
