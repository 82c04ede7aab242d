import { describe, expect, it } from '@jest/globals';
import { QUEUE_RULES } from '@foldline/kernel';
import { runnerOffer as offer } from '@foldline/testing';
import { estimateOf } from './estimate.ts';
import { forecast, type RunningJob, type Turn } from './forecast.ts';
import type { WaitingJob } from './lines.ts';

const SECOND = 1_000;
const takes = (seconds: number) => ({ ms: seconds * SECOND, runs: 3 });
const waits = (id: string, more: Partial<WaitingJob> = {}): WaitingJob => ({
  id,
  projectId: 'p',
  priority: 5,
  queuedAt: 0,
  position: Number(id),
  requirements: {},
  highPowerAllowed: false,
  lasts: takes(10),
  ...more,
});
const runs = (runnerId: string, more: Partial<RunningJob> = {}): RunningJob => ({
  projectId: 'p',
  runnerId,
  requirements: {},
  left: takes(5),
  ...more,
});
const one = { id: 'a', offer: offer({ slots: 1 }) };
const both = [one, { id: 'b', offer: offer({ slots: 1 }) }];
type Given = Partial<Parameters<typeof forecast>[0]>;
const turnsOf = (given: Given): Map<string, Turn> =>
  forecast({ waiting: [], running: [], runners: [one], rules: QUEUE_RULES, ...given });
const order = (given: Given): string[] => [...turnsOf(given).keys()];
/** Seconds until each begins. */
const starts = (given: Given): (number | undefined)[] =>
  [...turnsOf(given).values()].map(({ start }) => start && start.inMs / SECOND);

describe('The position of a waiting job', () => {
  it('counts those that go before it: of higher priority, and of the same those that have waited longer', () => {
    const waiting = [waits('1'), waits('2', { priority: 9 }), waits('3', { queuedAt: -1 })];
    expect([...turnsOf({ waiting, running: [runs('a')] })].map(([id, { position }]) => [id, position])).toEqual([
      ['2', 1],
      ['3', 2],
      ['1', 3],
    ]);
  });

  it('lets a project have its turn between the jobs of another one that has many', () => {
    const waiting = [waits('1'), waits('2'), waits('3'), waits('4', { projectId: 'q', queuedAt: 30 * SECOND })];
    const running = [runs('a', { projectId: 'r' }), runs('b', { projectId: 'r' })];
    expect(order({ waiting, running, runners: both })).toEqual(['1', '4', '2', '3']);
  });

  it('is behind those that go later and could have a runner sooner', () => {
    const waiting = [waits('1', { requirements: { tags: ['gpu'] } }), waits('2')];
    const gpu = { id: 'b', offer: offer({ slots: 1, tags: ['gpu'] }) };
    const running = [runs('a'), runs('b', { left: takes(60) })];
    expect(order({ waiting, running, runners: [one, gpu] })).toEqual(['2', '1']);
  });

  it('is told although nobody knows how long anything takes', () => {
    const waiting = ['1', '2', '3'].map((id) => waits(id, { lasts: undefined }));
    const given = { waiting, running: [runs('a', { left: undefined })] };
    expect(order(given)).toEqual(['1', '2', '3']);
    expect(starts(given)).toEqual([undefined, undefined, undefined]);
  });

  it('is the last for what no runner takes', () => {
    const waiting = [waits('1', { requirements: { cpu: 64 } }), waits('2')];
    expect(order({ waiting, running: [runs('a')] })).toEqual(['2', '1']);
  });

  it('goes on behind a project that may not have more jobs', () => {
    const rules = { ...QUEUE_RULES, projectLimit: 1 };
    const waiting = [waits('1'), waits('2'), waits('3', { projectId: 'q', queuedAt: 1 })];
    expect(order({ waiting, running: [runs('a')], runners: both, rules })).toEqual(['3', '1', '2']);
  });
});

describe('The expected start of a waiting job', () => {
  it('is when the jobs before it will have ended', () => {
    const given = { waiting: [waits('1'), waits('2'), waits('3')], running: [runs('a')] };
    expect(starts(given)).toEqual([5, 15, 25]);
    expect(turnsOf(given).get('3')!.start).toEqual({ inMs: 25_000, jobs: 3, runs: 9 });
  });

  it('counts all runners that could take it', () => {
    const running = [runs('a'), runs('b', { left: takes(7) })];
    expect(starts({ waiting: [waits('1'), waits('2'), waits('3')], running, runners: both })).toEqual([5, 7, 15]);
  });

  it('waits for as much as the job asks for', () => {
    const runners = [{ id: 'a', offer: offer({ slots: 9, cpu: 4 }) }];
    const running = [1, 2, 3, 4].map((seconds) => runs('a', { requirements: { cpu: 1 }, left: takes(seconds) }));
    expect(starts({ waiting: [waits('1', { requirements: { cpu: 3 } })], running, runners })).toEqual([3]);
  });

  it('is not told where it depends on a job of which nothing is known', () => {
    const unknown = waits('1', { lasts: undefined });
    expect(starts({ waiting: [unknown, waits('2')], running: [runs('a')] })).toEqual([5, undefined]);
    const running = [runs('a', { left: undefined }), runs('b')];
    expect(starts({ waiting: [waits('1'), waits('2')], running, runners: both })).toEqual([5, 15]);
  });

  it('is not told of one that a runner could take now, nor of one that none takes', () => {
    expect(starts({ waiting: [waits('1')] })).toEqual([undefined]);
    expect(starts({ waiting: [waits('1', { requirements: { cpu: 64 } })], running: [runs('a')] })).toEqual([undefined]);
  });
});

describe('What a job will take', () => {
  it('is the middle of what those like it took', () => expect(estimateOf([30, 10, 20])).toEqual({ ms: 20, runs: 3 }));

  it('is what is left of the middle one of those that took longer than it has until now', () => {
    expect(estimateOf([10, 20, 30, 40], 15)).toEqual({ ms: 15, runs: 3 });
    expect(estimateOf([10, 20], 25)).toBeUndefined();
  });

  it('is unknown where there was none', () => expect(estimateOf([])).toBeUndefined());
});

describe('A long queue on many runners', () => {
  it('is foreseen to its end', () => {
    const runners = Array.from({ length: 500 }, (_, n) => ({ id: `r${n}`, offer: offer({ slots: 2 }) }));
    const running = runners.flatMap(({ id }, n) => [runs(id, { left: takes(n) }), runs(id)]);
    const waiting = Array.from({ length: 1_000 }, (_, n) =>
      waits(String(n), { projectId: `p${n % 50}`, requirements: { cpu: 1 + (n % 4) } }),
    );
    expect(turnsOf({ waiting, running, runners }).size).toBe(1_000);
  });
});
