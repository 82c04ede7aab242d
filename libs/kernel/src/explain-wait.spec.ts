import { describe, expect, it } from '@jest/globals';
import type { RunnerOffer } from '@foldline/contracts';
import { runnerOffer as offer } from '@foldline/testing';
import { explainMismatch } from './explain-wait.ts';
import type { RunnerState } from './match-runner.ts';

const GIB = 1024 ** 3;
const runner = (id: string, of: RunnerOffer = offer(), slots = 0): RunnerState => ({
  id,
  offer: of,
  used: { slots, cpu: 0, memoryBytes: 0, diskBytes: 0 },
});
const high = offer({ power: 'high-power' });

describe('The reason why no runner could ever take a job', () => {
  it('is that there is none', () =>
    expect(explainMismatch({}, false, [])).toEqual({ code: 'no_runner', detail: 'no runner is connected' }));

  it('is missing permission for what it asks for', () =>
    expect(explainMismatch({ cluster: 'high-power' }, false, [runner('big', high)])?.code).toBe('no_permission'));

  it('is that nobody offers the power level', () => {
    expect(explainMismatch({ cluster: 'high-power' }, true, [runner('a')])).toEqual({
      code: 'no_cluster',
      detail: 'no connected runner belongs to a high-power cluster',
    });
    expect(explainMismatch({}, false, [runner('big', high)])).toEqual({
      code: 'no_cluster',
      detail: 'no connected runner belongs to a low-power cluster',
    });
  });

  it('is its size, compared with what the largest offers', () =>
    expect(explainMismatch({ cpu: 8, memoryBytes: GIB }, false, [runner('a'), runner('b', offer({ cpu: 6 }))])).toEqual(
      {
        code: 'too_large',
        detail: 'no runner offers 8 cpu, 1 GiB memory; the largest offers 6 cpu, 8 GiB memory, 100 GiB disk',
      },
    ));

  it('is none when waiting is enough', () =>
    expect(explainMismatch({ cpu: 4 }, false, [runner('a', offer(), 2)])).toBeUndefined());
});
