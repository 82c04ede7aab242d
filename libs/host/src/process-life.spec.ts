import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { endingBySignals, type EndSignal } from './process-life.ts';

const SECOND = 1_000;

/** A process that drains and stops when it is told to, in time that passes when the test lets it. */
const open = (drainMs: number) => {
  const did: string[] = [];
  let drained = (): void => undefined;
  let stopped = (): void => undefined;
  const signal = endingBySignals(
    {
      drainMs,
      drain: (forced) => {
        did.push('drain');
        return new Promise((resolve) => {
          drained = resolve;
          forced.addEventListener('abort', () => {
            did.push('forced');
            resolve();
          });
        });
      },
      stop: () => {
        did.push('stop');
        return new Promise((resolve) => (stopped = resolve));
      },
    },
    (code) => did.push(`exit ${code}`),
  );
  const settle = () => jest.advanceTimersByTimeAsync(0);
  return {
    did,
    signal: async (name: EndSignal): Promise<void> => {
      signal(name);
      await settle();
    },
    drained: async (): Promise<void> => {
      drained();
      await settle();
    },
    stopped: async (): Promise<void> => {
      stopped();
      await settle();
    },
  };
};
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('A process that is told to end', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('drains, then stops in order, then exits with 0', async () => {
    const it = open(60 * SECOND);
    await it.signal('SIGTERM');
    expect(it.did).toEqual(['drain']);
    await it.drained();
    await it.stopped();
    expect(it.did).toEqual(['drain', 'stop', 'exit 0']);
  });

  it('drains for as long as it may, and stops in order then', async () => {
    const it = open(60 * SECOND);
    await it.signal('SIGTERM');
    await pass(59 * SECOND);
    expect(it.did).toEqual(['drain']);
    await pass(SECOND);
    expect(it.did).toEqual(['drain', 'forced', 'stop']);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('stops in order when a %s comes while it drains', async (name) => {
    const it = open(60 * SECOND);
    await it.signal('SIGTERM');
    await pass(2 * SECOND);
    await it.signal(name);
    await it.stopped();
    expect(it.did).toEqual(['drain', 'forced', 'stop', 'exit 0']);
  });

  it('takes a signal that is handed on at once for the one that it has got', async () => {
    const it = open(60 * SECOND);
    await it.signal('SIGTERM');
    await it.signal('SIGTERM');
    expect(it.did).toEqual(['drain']);
  });

  it.each([['SIGQUIT' as const, 60 * SECOND] as const, ['SIGTERM' as const, 0] as const])(
    'stops at once at a %s when it may drain for %d ms',
    async (name, drainMs) => {
      const it = open(drainMs);
      await it.signal(name);
      expect(it.did).toEqual(['stop']);
    },
  );

  it('says what it was at when stopping took too long', async () => {
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const signal = endingBySignals(
      {
        stop: (now) => {
          now('to close its connections');
          return new Promise(() => undefined);
        },
      },
      () => undefined,
    );
    signal('SIGTERM');
    await pass(30 * SECOND);
    expect(written.mock.calls.flat()).toEqual(['Ended at once: after 30 s it still had to close its connections\n']);
    written.mockRestore();
  });

  it('ends at once at a signal while it stops, and when stopping takes too long', async () => {
    const told = open(0);
    await told.signal('SIGTERM');
    await pass(2 * SECOND);
    await told.signal('SIGTERM');
    expect(told.did).toEqual(['stop', 'exit 1']);
    const slow = open(0);
    await slow.signal('SIGTERM');
    await pass(30 * SECOND);
    expect(slow.did).toEqual(['stop', 'exit 1']);
  });
});
