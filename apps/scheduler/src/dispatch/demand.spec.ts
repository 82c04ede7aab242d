import { describe, expect, it } from '@jest/globals';
import { offer, queuedJob } from '../testing/queued-job.ts';
import { runnersNeeded, waitingJobs } from './demand.ts';
import { Dispatcher } from './dispatcher.ts';
import type { QueuedJob } from './job-queue.ts';

const GIB = 1024 ** 3;
const low = { id: 'ci-low', offer: offer({ slots: 4, cpu: 4, memoryBytes: 8 * GIB }) };
const high = { id: 'ci-high', offer: offer({ power: 'high-power', slots: 2, cpu: 16, memoryBytes: 64 * GIB }) };

const waiting = (...jobs: QueuedJob[]): Dispatcher => {
  const dispatcher = new Dispatcher();
  for (const job of jobs) dispatcher.queued(job);
  return dispatcher;
};
const asking = (count: number, requirements: QueuedJob['requirements'], highPowerAllowed = false): QueuedJob[] =>
  Array.from({ length: count }, (_, index) =>
    queuedJob(index, { jobId: `${JSON.stringify(requirements)}.${index}`, requirements, highPowerAllowed }),
  );
const needed = (dispatcher: Dispatcher, ...pools: (typeof low)[]) =>
  Object.fromEntries(runnersNeeded(dispatcher, pools));

describe('What waits', () => {
  it('is counted by the cluster that is asked for, also where nothing waits', () => {
    const dispatcher = waiting(...asking(2, { cluster: 'high-power' }, true), ...asking(3, { cpu: 1 }));
    expect(Object.fromEntries(waitingJobs(dispatcher))).toEqual({ any: 3, 'high-power': 2, 'low-power': 0 });
  });

  it('is what was queued and has not been given away, however often either is told', () => {
    const [first, second] = asking(2, {});
    const dispatcher = waiting(first!, first!, second!);
    dispatcher.assigned(first!, 'ci-low-0');
    dispatcher.assigned(first!, 'ci-low-0');
    expect(waitingJobs(dispatcher).get('any')).toBe(1);
    dispatcher.released(second!.jobId, 1);
    dispatcher.released(second!.jobId, 1);
    expect(waitingJobs(dispatcher).get('any')).toBe(0);
  });
});

describe('A pool needs', () => {
  it('nothing where nothing waits', () => expect(needed(waiting(), low, high)).toEqual({ 'ci-low': 0, 'ci-high': 0 }));

  it('a runner for as many jobs as it has slots', () =>
    expect(needed(waiting(...asking(10, {})), low)).toEqual({ 'ci-low': 2.5 }));

  it('a runner for as many jobs as its cpu, memory or disk allows, where those are fewer', () => {
    expect(needed(waiting(...asking(3, { cpu: 2 })), low)).toEqual({ 'ci-low': 1.5 });
    expect(needed(waiting(...asking(3, { memoryBytes: 5 * GIB })), low)).toEqual({ 'ci-low': 3 });
    expect(needed(waiting(...asking(3, { diskBytes: 40 * GIB })), low)).toEqual({ 'ci-low': 1.5 });
  });

  it('nothing for jobs that it could never take', () => {
    const dispatcher = waiting(
      ...asking(1, { cluster: 'high-power' }, true),
      ...asking(1, { cpu: 8 }, true),
      ...asking(1, { cluster: 'low-power' }, true),
      ...asking(1, { memoryBytes: 32 * GIB }, false),
    );
    // Of high power: one asks for it and one is too large for low power; the last has no permission.
    expect(needed(dispatcher, low, high)).toEqual({ 'ci-low': 0.25, 'ci-high': 1 });
  });

  it('runners for a job that another pool could take as well', () =>
    expect(needed(waiting(...asking(4, {}, true)), low, high)).toEqual({ 'ci-low': 1, 'ci-high': 2 }));

  it('its runners while they have jobs, or they would be taken away from under them', () => {
    const jobs = asking(5, {});
    const dispatcher = waiting(...jobs);
    for (const [index, job] of jobs.slice(0, 4).entries()) dispatcher.assigned(job, `ci-low-${index % 2}`);
    expect(needed(dispatcher, low)).toEqual({ 'ci-low': 1.25 });
    for (const { jobId } of jobs) dispatcher.released(jobId, 1);
    expect(needed(dispatcher, low)).toEqual({ 'ci-low': 0 });
  });

  it('nothing for the jobs of runners that are not its own', () => {
    const [job] = asking(1, {});
    const dispatcher = waiting(job!);
    dispatcher.assigned(job!, 'ci-low-2-0');
    expect(needed(dispatcher, low, { ...low, id: 'ci-low-2' }, { ...low, id: 'ci' })).toEqual({
      'ci-low': 0,
      'ci-low-2': 0.25,
      ci: 0,
    });
  });

  it('a whole runner for a job that has one and would not fit one of today', () => {
    const [job] = asking(1, { cpu: 64 });
    const dispatcher = waiting();
    dispatcher.assigned(job!, 'ci-low-0');
    expect(needed(dispatcher, low)).toEqual({ 'ci-low': 1 });
  });

  it('as many as are full, not one more, when the jobs of one make thirds', () => {
    const thirds = { ...low, offer: { ...low.offer, slots: 3 } };
    expect(needed(waiting(...asking(12, {}), ...asking(9, { cpu: 0.01 })), thirds)).toEqual({ 'ci-low': 7 });
  });
});
