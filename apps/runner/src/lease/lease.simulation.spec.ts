import { describe, expect, it } from '@jest/globals';
import { RunnerLost, RunnerRegistered, leaseTerms, type LeaseTerms, type RecordedEvent } from '@foldline/contracts';
import { RunnerLease } from './runner-lease.ts';

const TERMS = leaseTerms(180_000);
const STEP_MS = 250;
const SEEDS = 100;
const LEASES = 5;

/** The same numbers for the same seed (mulberry32). */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

type Later = { at: number; happen: () => void };

/**
 * One runner with one job, a scheduler that leads and one that only believes so, and a network that loses, delays and
 * cuts. The job is given away by the rules of the scheduler; it must not run then, unless the
 * runner was frozen until a moment ago.
 */
class World {
  overlaps = 0;
  givenAway = 0;
  private now = 0;
  private readonly random: () => number;
  private readonly lease: RunnerLease;
  private readonly log: RecordedEvent[] = [];
  private readonly later: Later[] = [];
  private readonly troubles = new Map<string, number>();
  /** The epoch under which the job runs. */
  private running: string | undefined;
  private heardAt = 0;
  private givesAwayAt: { epoch: string; at: number } | undefined;
  private misledUntil = 0;
  /** Until then a runner that was frozen may be finding out what has happened. */
  private wakesUntil = 0;
  private helloAt = 0;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    seed: number,
    private readonly terms: LeaseTerms,
  ) {
    this.random = random(seed);
    let epochs = 0;
    this.lease = new RunnerLease('r1', terms, false, () => `e${(epochs += 1)}`);
  }

  run(): void {
    for (; this.now < LEASES * this.terms.leaseMs; this.now += STEP_MS) {
      this.trouble();
      for (const due of this.later.filter(({ at }) => at <= this.now)) {
        this.later.splice(this.later.indexOf(due), 1);
        due.happen();
      }
      this.schedulerWatches();
      if (!this.has('frozen')) this.runnerActs();
      this.check();
    }
  }

  /** Every kind of trouble begins now and then and lasts for up to two leases. */
  private trouble(): void {
    for (const kind of ['frozen', 'hellos lost', 'answers lost', 'log away', 'answered by another']) {
      if (this.random() < STEP_MS / (1.5 * this.terms.leaseMs))
        this.troubles.set(kind, this.now + this.random() * 2 * this.terms.leaseMs);
    }
    // A runner that reads no log and was answered by who does not lead is fenced at what it writes to, not stopped.
    if (this.has('answered by another')) this.misledUntil = this.now + this.terms.leaseMs;
    if (this.now < this.misledUntil) this.troubles.delete('log away');
    if (this.has('frozen')) this.wakesUntil = this.now + this.terms.lookMs;
  }

  private has(kind: string): boolean {
    return (this.troubles.get(kind) ?? 0) > this.now;
  }

  private soon(happen: () => void, most = 500): void {
    this.later.push({ at: this.now + this.random() * most, happen });
  }

  private runnerActs(): void {
    const { lease } = this;
    if (this.now >= this.helloAt) this.sayHello();
    if (lease.isLookDue(this.now, this.lookedAt)) this.look();
    const { epoch } = lease;
    if (lease.expired(this.now)) this.stop(epoch);
    if (lease.standing(lease.epoch, this.now) === 'held') this.running ??= lease.epoch;
  }

  private stop(epoch: string): void {
    if (this.running === epoch) this.running = undefined;
  }

  private sayHello(): void {
    this.helloAt = this.now + this.terms.helloMs;
    const { epoch } = this.lease;
    const number = this.lease.sayHello(this.now);
    if (number === undefined) return;
    const answered = () => this.soon(() => !this.has('answers lost') && this.lease.answered(epoch, number));
    if (this.has('answered by another')) answered();
    else if (!this.has('hellos lost')) this.soon(() => this.hear(epoch, answered));
  }

  private look(): void {
    this.lookedAt = this.now;
    if (this.has('log away')) return;
    const askedAt = this.now;
    this.soon(() => {
      const events = this.log.slice(this.lease.nextRevision);
      this.soon(() => {
        if (this.lease.looked(askedAt, events)) this.stop(this.lease.epoch);
        this.lease.beginAnew();
      });
    });
  }

  private hear(epoch: string, answer: () => void): void {
    if (this.ended(epoch)) return;
    if (this.current() !== epoch) {
      const before = this.current();
      if (before !== undefined && !this.ended(before)) this.append(RunnerLost({ ...this.about(before), because: '' }));
      this.append(RunnerRegistered({ ...this.about(epoch), offer: {} as never }));
    }
    this.heardAt = this.now;
    answer();
  }

  private schedulerWatches(): void {
    const epoch = this.current();
    if (epoch !== undefined && !this.ended(epoch) && this.now - this.heardAt >= this.terms.leaseMs)
      this.append(RunnerLost({ ...this.about(epoch), because: 'silence' }));
  }

  private check(): void {
    if (!this.givesAwayAt || this.now < this.givesAwayAt.at) return;
    this.givenAway += 1;
    if (this.running === this.givesAwayAt.epoch && this.now > this.wakesUntil) this.overlaps += 1;
    this.givesAwayAt = undefined;
  }

  private append(event: { type: string; data: { epoch: string } }): void {
    this.log.push({ ...event, revision: this.log.length } as unknown as RecordedEvent);
    if (event.type === 'RunnerLost') this.givesAwayAt = { epoch: event.data.epoch, at: this.now + this.terms.graceMs };
  }

  private about(epoch: string) {
    return { runnerId: 'r1', epoch };
  }
  private of(type: string): string[] {
    return this.log.filter((event) => event.type === type).map(({ data }) => (data as { epoch: string }).epoch);
  }
  private current(): string | undefined {
    return this.of('RunnerRegistered').at(-1);
  }
  private ended(epoch: string): boolean {
    return this.of('RunnerLost').includes(epoch);
  }
}

const worlds = (terms: LeaseTerms): { overlaps: number; givenAway: number } => {
  const found = { overlaps: 0, givenAway: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new World(seed, terms);
    world.run();
    found.overlaps += world.overlaps;
    found.givenAway += world.givenAway;
  }
  return found;
};

describe('Whatever gets lost, late or cut off', () => {
  it('a job is never given away while the runner that had it works on it', () => {
    const { overlaps, givenAway } = worlds(TERMS);
    expect(givenAway).toBeGreaterThan(SEEDS);
    expect(overlaps).toBe(0);
  });

  it.each<[string, Partial<LeaseTerms>]>([
    ['no grace period', { graceMs: 0 }],
    ['a runner that works on however long nothing is heard', { marginMs: -10 * TERMS.leaseMs }],
    ['a runner that does not read in the log that it is lost', { lookMs: 10 * TERMS.leaseMs }],
    ['a reading of the log that is good for longer than the grace period', { readGoodMs: 3 * TERMS.graceMs }],
  ])('it is with %s: what is checked here can fail', (_what, mutation) => {
    expect(worlds({ ...TERMS, ...mutation }).overlaps).toBeGreaterThan(0);
  });
});
