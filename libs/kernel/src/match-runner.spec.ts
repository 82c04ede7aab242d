import { describe, expect, it } from '@jest/globals';
import type { RunnerOffer } from '@foldline/contracts';
import { runnerOffer as offer } from '@foldline/testing';
import { explainMismatch } from './explain-wait.ts';
import { addLoad, jobsPerRunner, matchRunner, mayUseHighPower, type RunnerState } from './match-runner.ts';

const GIB = 1024 ** 3;
const runner = (id: string, of: RunnerOffer = offer(), slots = 0): RunnerState => ({
  id,
  offer: of,
  used: { slots, cpu: 0, memoryBytes: 0, diskBytes: 0 },
});
const high = offer({ power: 'high-power' });

describe('A job that names no power level', () => {
  it('takes the least loaded runner, counted by its share of slots', () => {
    const runners = [
      runner('a', offer({ slots: 4 }), 2),
      runner('b', offer({ slots: 10 }), 3),
      runner('c', offer(), 1),
    ];
    expect(matchRunner({}, false, runners)?.id).toBe('b');
  });

  it('takes the first by name of equally loaded ones', () =>
    expect(matchRunner({}, false, [runner('b'), runner('a')])?.id).toBe('a'));

  it('leaves high power to those who ask for it while low power is free', () => {
    const big = runner('big', high);
    expect(matchRunner({}, true, [big, runner('small', offer(), 1)])?.id).toBe('small');
    expect(matchRunner({}, true, [big, runner('small', offer(), 2)])?.id).toBe('big');
  });

  it('does not get high power without permission', () =>
    expect(matchRunner({}, false, [runner('big', high)])).toBeUndefined());
});

describe('A job that asks for a power level', () => {
  it('gets only that', () => {
    const runners = [runner('big', high), runner('small', offer(), 1)];
    expect(matchRunner({ cluster: 'high-power' }, true, runners)?.id).toBe('big');
    expect(matchRunner({ cluster: 'low-power' }, true, runners)?.id).toBe('small');
  });

  it('does not get high power without permission', () =>
    expect(matchRunner({ cluster: 'high-power' }, false, [runner('big', high)])).toBeUndefined());
});

describe('Access to high power', () => {
  it('is everybody’s, or that of the owners who are named', () => {
    expect(mayUseHighPower(['*'], 'ada/engine')).toBe(true);
    expect(mayUseHighPower(['ada'], 'ada/engine')).toBe(true);
    expect(mayUseHighPower(['ada'], 'bob/ada')).toBe(false);
  });
});

describe('A job that asks for resources', () => {
  it.each([
    ['cpu', { cpu: 2 }],
    ['memory', { memoryBytes: 4 * GIB }],
    ['disk', { diskBytes: 60 * GIB }],
  ])('gets %s that is not in use', (_title, requirements) => {
    const busy = runner('a', offer({ slots: 10 }));
    addLoad(busy.used, { cpu: 3, memoryBytes: 5 * GIB, diskBytes: 60 * GIB }, 1);
    expect(matchRunner(requirements, false, [busy])).toBeUndefined();
    addLoad(busy.used, { cpu: 3, memoryBytes: 5 * GIB, diskBytes: 60 * GIB }, -1);
    expect(matchRunner(requirements, false, [busy])?.id).toBe('a');
  });

  it('may take all that a runner has', () =>
    expect(matchRunner({ cpu: 4, memoryBytes: 8 * GIB, diskBytes: 100 * GIB }, false, [runner('a')])?.id).toBe('a'));

  it('gets a whole processor back after shares of it were used', () => {
    const shared = runner('a', offer({ cpu: 0.3, slots: 10 }));
    for (const cpu of [0.1, 0.2]) {
      expect(matchRunner({ cpu }, false, [shared])).toBe(shared);
      addLoad(shared.used, { cpu }, 1);
    }
    for (const cpu of [0.1, 0.2]) addLoad(shared.used, { cpu }, -1);
    expect(matchRunner({ cpu: 0.3 }, false, [shared])).toBe(shared);
  });

  it('waits without a slot, however much else is free', () =>
    expect(matchRunner({ cpu: 1 }, false, [runner('a', offer({ slots: 1 }), 1)])).toBeUndefined());
});

describe('A job that asks for tags', () => {
  const tagged = (id: string, ...tags: string[]) => runner(id, offer({ tags }));
  const reason = (...runners: RunnerState[]) => explainMismatch({ tags: ['linux', 'gpu'] }, false, runners);

  it('gets a runner that has all of them', () => {
    const runners = [tagged('a', 'linux'), tagged('b', 'gpu'), tagged('c', 'gpu', 'ssd', 'linux'), runner('d')];
    expect(matchRunner({ tags: ['linux', 'gpu'] }, false, runners)?.id).toBe('c');
    expect(matchRunner({ tags: ['linux', 'gpu'] }, false, runners.toSpliced(2, 1))).toBeUndefined();
  });

  it('is told which of them nobody has, or that nobody has all', () => {
    expect(reason(tagged('a', 'linux'), runner('b'))).toEqual({
      code: 'no_tags',
      detail: 'no connected runner has the tags linux, gpu; none has gpu',
    });
    expect(reason(tagged('a', 'linux'), tagged('b', 'gpu'))).toEqual({
      code: 'no_tags',
      detail: 'no connected runner has all of the tags linux, gpu, though each of them is somewhere',
    });
    expect(reason(tagged('a', 'linux', 'gpu'))).toBeUndefined();
  });

  it('leaves tagged runners to those that ask for nothing, too', () =>
    expect(matchRunner({}, false, [tagged('a', 'linux')])?.id).toBe('a'));

  it('is counted where it fits, and nowhere else', () => {
    expect(jobsPerRunner({ tags: ['gpu'] }, true, offer({ tags: ['gpu'], slots: 3 }))).toBe(3);
    expect(jobsPerRunner({ tags: ['gpu'] }, true, offer({ slots: 3 }))).toBe(0);
  });
});

describe('A job that needs a container', () => {
  const asked = { executor: 'docker' } as const;
  const withDocker = (id: string, tags: string[] = []) =>
    runner(id, offer({ executors: ['process', 'docker'], tags, slots: 3 }));

  it('gets a runner whose Docker daemon answers', () => {
    expect(matchRunner(asked, false, [runner('a'), withDocker('b')])?.id).toBe('b');
    expect(matchRunner(asked, false, [runner('a')])).toBeUndefined();
  });

  it('is told that none does, which is not for the lack of tags', () => {
    expect(explainMismatch({ ...asked, tags: ['gpu'] }, false, [runner('a')])).toEqual({
      code: 'no_docker',
      detail:
        'the job asks for a container, and of no connected runner that it may use does a Docker daemon answer (`FOLDLINE_DOCKER_HOST`)',
    });
  });

  it('is told which tags those lack that have one', () => {
    const reason = explainMismatch({ ...asked, tags: ['gpu'] }, false, [
      runner('a', offer({ tags: ['gpu'] })),
      withDocker('b'),
    ]);
    expect(reason).toEqual({ code: 'no_tags', detail: 'no connected runner has the tags gpu; none has gpu' });
  });

  it('leaves those runners to other jobs, too', () => expect(matchRunner({}, false, [withDocker('b')])?.id).toBe('b'));

  it('is counted where it fits, and nowhere else', () => {
    expect(jobsPerRunner(asked, true, withDocker('b').offer)).toBe(3);
    expect(jobsPerRunner(asked, true, offer({ slots: 3 }))).toBe(0);
  });
});
