import { describe, expect, it } from '@jest/globals';
import { runnerOffer as offer } from '@foldline/testing';
import { RunnerVerdicts, type ConnectedRunner } from './runner-verdicts.ts';

const runner = (id: string, slots = 0, more: Partial<ConnectedRunner> = {}): ConnectedRunner => ({
  id,
  offer: offer(),
  used: { slots, cpu: 0, memoryBytes: 0, diskBytes: 0 },
  isDraining: false,
  ...more,
});
const full = 2;
const draining = { isDraining: true };
const gpu = { tags: ['gpu'] };
const on = (...runners: ConnectedRunner[]) => new RunnerVerdicts(runners);

describe('What runners have to do with a waiting job', () => {
  it('is told of each, of those first that could take it', () => {
    const large = runner('large', 1, { offer: offer(gpu) });
    const { runners, reason } = on(runner('small'), runner('going', 0, { ...draining, offer: offer(gpu) }), large).of(
      gpu,
      false,
    );
    expect(reason).toBeUndefined();
    expect(runners).toEqual([
      { id: 'large', code: 'free', detail: 'it has room' },
      { id: 'going', code: 'draining', detail: 'it begins nothing more' },
      { id: 'small', code: 'no_tags', detail: 'it lacks the tags gpu' },
    ]);
  });

  it('is that those that could take it have no room, some of them by name', () => {
    const all = ['a', 'b', 'c', 'd'].map((id) => runner(id, full));
    expect(on(...all).of({}, false).reason).toEqual({
      code: 'runners_busy',
      detail: 'the runners that could take it have no room: a, b, c and 1 more',
    });
    expect(on(runner('a', full)).of({}, false).runners).toEqual([
      { id: 'a', code: 'busy', detail: '2 of 2 slots are taken' },
    ]);
  });

  it('is that all that could take it are being drained', () =>
    expect(on(runner('a', full, draining), runner('b', 0, draining)).of({}, false).reason).toEqual({
      code: 'runners_draining',
      detail: 'the runners that could take it begin nothing more: a, b',
    }));

  it('is what the scheduler says where none could ever take it', () => {
    expect(on().of({}, false).reason?.code).toBe('no_runner');
    expect(on(runner('a')).of(gpu, false).reason?.code).toBe('no_tags');
    expect(on(runner('a', 0, draining)).of(gpu, false).reason?.code).toBe('no_runner');
    expect(on(runner('a')).of({ cluster: 'high-power' }, false).reason?.code).toBe('no_permission');
  });

  it('is looked up once for jobs that ask the same', () => {
    const verdicts = on(runner('a'));
    expect(verdicts.of({ cpu: 1 }, false)).toBe(verdicts.of({ cpu: 1 }, false));
    expect(verdicts.of({ cpu: 1 }, false)).not.toBe(verdicts.of({ cpu: 1 }, true));
  });
});
