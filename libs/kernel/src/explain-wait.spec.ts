import { describe, expect, it } from '@jest/globals';
import type { RunnerOffer, RunnerRequirements } from '@foldline/contracts';
import { runnerOffer as offer } from '@foldline/testing';
import { explainBusy, explainLimit, explainMismatch, explainRunner } from './explain-wait.ts';
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

describe('What one runner lacks for a job', () => {
  const small = offer({ tags: ['linux'] });

  it.each([
    ['permission', {}, high, 'no_permission', 'the project’s owner has no access to high-power clusters'],
    ['the power level', { cluster: 'high-power' }, small, 'no_cluster', 'it belongs to a low-power cluster'],
    ['a Docker daemon', { executor: 'docker' }, small, 'no_docker', 'no Docker daemon answers there'],
    ['tags', { tags: ['gpu', 'linux'] }, small, 'no_tags', 'it lacks the tags gpu'],
    ['size', { cpu: 8 }, small, 'too_large', 'it offers 4 cpu, 8 GiB memory, 100 GiB disk'],
  ] as const)('is %s', (_what, requirements, of, code, detail) =>
    expect(explainRunner(requirements as RunnerRequirements, false, of)).toEqual({
      code,
      detail,
    }),
  );

  it('is nothing when it could take it, busy or not', () =>
    expect(explainRunner({ tags: ['linux'], cpu: 4 }, false, small)).toBeUndefined());
});

describe('What of a runner is taken', () => {
  it('is its slots, or what the job asks for', () => {
    expect(explainBusy({}, runner('a', offer(), 2))).toBe('2 of 2 slots are taken');
    const busy = { ...runner('a'), used: { slots: 1, cpu: 3, memoryBytes: GIB, diskBytes: 0 } };
    expect(explainBusy({ cpu: 2 }, busy)).toBe('3 cpu, 1 GiB memory of 4 cpu, 8 GiB memory, 100 GiB disk are taken');
    expect(explainBusy({ cpu: 1 }, busy)).toBeUndefined();
  });
});

describe('The limit of a project', () => {
  const rules = { priorityMs: 1, runningMs: 1, projectLimit: 2 };

  it('is a reason to wait once it is reached', () => {
    expect(explainLimit(1, rules)).toBeUndefined();
    expect(explainLimit(2, rules)).toEqual({
      code: 'project_limit',
      detail: 'its project has 2 of 2 jobs on runners (`FOLDLINE_PROJECT_JOBS`)',
    });
    expect(explainLimit(2, { ...rules, projectLimit: Infinity })).toBeUndefined();
  });
});
