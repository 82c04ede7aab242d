import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { leaseTerms } from '@foldline/contracts';
import { ManualClock } from '@foldline/testing';
import { runnersNeeded, waitingJobs } from '../dispatch/demand.ts';
import { offer } from '../testing/queued-job.ts';
import { LeaseStory, SECOND, millisOf } from '../testing/lease-story.ts';
import { LEASE_MS, Schedulers, type Scheduler } from '../testing/schedulers.ts';
import { SharedClaims } from '../testing/shared-claims.ts';

const { graceMs } = leaseTerms(LEASE_MS);
const TAKEN_OVER_MS = 20 * SECOND;

let clock: ManualClock;
let schedulers: Schedulers;
let story: LeaseStory;
let claims: SharedClaims;

beforeEach(async () => {
  clock = new ManualClock();
  schedulers = await Schedulers.open(clock);
  story = new LeaseStory(schedulers, [clock]);
  claims = new SharedClaims(clock);
});
afterEach(() => schedulers.close());

const candidate = async (own: ManualClock = clock): Promise<{ scheduler: Scheduler; die: () => Promise<void> }> => {
  const claim = claims.ofProcess(own);
  const scheduler = await schedulers.start({ claims: claim, clock: own });
  const die = async (): Promise<void> => {
    claim.die();
    await schedulers.stop(scheduler);
  };
  return { scheduler, die };
};

describe('A scheduler that stands by', () => {
  it('gives no jobs away and answers nobody, and its commands are carried out by the one that leads', async () => {
    const first = await candidate();
    const second = await candidate();
    const r1 = story.runner('r1');
    await story.pass(30 * SECOND);
    expect([first, second].map(({ scheduler }) => scheduler.dispatch.leads)).toEqual([true, false]);
    // Every hello comes twice; of two schedulers that answer there would be four answers.
    const answers = new Map<number, number>();
    for (const { helloNumber } of r1.answers) answers.set(helloNumber, (answers.get(helloNumber) ?? 0) + 1);
    expect(Math.max(...answers.values())).toBe(2);
    await story.start(second.scheduler, ['a']);
    await story.until(() => story.pipeline('JobAssigned').length > 0);
    await story.until(() => second.scheduler.dispatch.dispatcher.waiting === 0);
  });

  it('tells the same as the one that leads of what waits and of how many runners a pool needs', async () => {
    const first = await candidate();
    const second = await candidate();
    const pools = [{ id: 'r', offer: offer({ slots: 1 }) }];
    const tells = ({ scheduler: { dispatch } }: typeof first) => [
      waitingJobs(dispatch.dispatcher).get('any'),
      runnersNeeded(dispatch.dispatcher, pools).get('r'),
    ];
    const r0 = story.runner('r-0');
    await story.until(() => r0.answers.length > 0);
    await story.start(first.scheduler, ['a', 'b', 'c']);
    await story.until(() => tells(first)[0] === 2 && tells(second)[0] === 2);
    expect([first, second].map(({ scheduler }) => scheduler.dispatch.leads)).toEqual([true, false]);
    expect([tells(first), tells(second)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it('leads within 20 s when the one that led is dead, and gives away what was queued', async () => {
    const first = await candidate();
    const second = await candidate();
    const r1 = story.runner('r1');
    await story.until(() => r1.answers.length > 0);
    await first.die();
    const since = clock.monotonic();
    await story.start(second.scheduler, ['a']);
    await story.until(() => second.scheduler.dispatch.leads);
    expect(clock.monotonic() - since).toBeLessThanOrEqual(TAKEN_OVER_MS);
    await story.until(() => story.pipeline('JobAssigned').length > 0);
    expect(story.lost('r1')).toBeUndefined();
  });

  it('goes on with what a dead one had begun: a runner that was lost, and jobs that were not given away yet', async () => {
    const first = await candidate();
    const second = await candidate();
    const r1 = story.runner('r1');
    await story.until(() => r1.answers.length > 0);
    await story.start(first.scheduler, ['a']);
    await story.until(() => story.pipeline('JobAssigned').length > 0);
    await story.attemptStarted('p1.0', 'r1');
    r1.silent = true;
    const lost = await story.until(() => story.lost('r1'));
    await first.die();
    expect(story.pipeline('JobFailed')).toEqual([]);
    await story.until(() => story.pipeline('JobFailed').length > 0);
    expect(second.scheduler.dispatch.leads).toBe(true);
    expect(millisOf(story.pipeline('JobFailed')[0]) - millisOf(lost)).toBeGreaterThanOrEqual(graceMs);
    expect(story.of('runner-r1', 'RunnerLost')).toHaveLength(1);
  });

  it('finds that out also when it starts only then, and waits for the grace period anew', async () => {
    const first = await candidate();
    const r1 = story.runner('r1');
    await story.until(() => r1.answers.length > 0);
    await story.start(first.scheduler, ['a']);
    await story.until(() => story.pipeline('JobAssigned').length > 0);
    await story.attemptStarted('p1.0', 'r1');
    r1.silent = true;
    await story.until(() => story.lost('r1'));
    await first.die();
    clock.advance(graceMs);
    const startedAt = Date.parse(clock.now());
    await candidate();
    await story.until(() => story.pipeline('JobRetried').length > 0);
    expect(millisOf(story.pipeline('JobRetried')[0]) - startedAt).toBeGreaterThanOrEqual(graceMs);
  });

  it('counts every lease as renewed when it takes over, and loses who stays silent', async () => {
    const first = await candidate();
    const r1 = story.runner('r1');
    await story.until(() => r1.answers.length > 0);
    await first.die();
    r1.silent = true;
    const startedAt = Date.parse(clock.now());
    await candidate();
    const lost = await story.until(() => story.lost('r1'));
    expect(millisOf(lost) - startedAt).toBeGreaterThanOrEqual(LEASE_MS);
  });
});

describe('A scheduler that leads, freezes and wakes', () => {
  it('loses nobody, and does no harm while it still believes that it leads', async () => {
    const frozen = new ManualClock();
    const first = await candidate(frozen);
    const second = await candidate();
    story.clocks.push(frozen);
    const r1 = story.runner('r1');
    const r2 = story.runner('r2');
    await story.until(() => r1.answers.length > 0 && r2.answers.length > 0);
    story.clocks.pop();
    await story.pass(LEASE_MS);
    expect(second.scheduler.dispatch.leads).toBe(true);
    frozen.advance(2 * LEASE_MS);
    story.clocks.push(frozen);
    await story.start(first.scheduler, ['a', 'b']);
    await story.until(() => story.pipeline('JobAssigned').length === 2);
    await story.pass(60 * SECOND);
    expect(story.pipeline('JobAssigned')).toHaveLength(2);
    expect([story.lost('r1'), story.lost('r2')]).toEqual([undefined, undefined]);
    expect(first.scheduler.dispatch.leads).toBe(false);
  });
});
