import { beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerLost, RunnerRegistered, leaseTerms, type NewEvent, type RecordedEvent } from '@foldline/contracts';
import { RunnerLease } from './runner-lease.ts';

const LEASE_MS = 180_000;
const terms = leaseTerms(LEASE_MS);
const ANSWER_GOOD_MS = LEASE_MS - terms.marginMs;
const OFFER = {
  cluster: { id: 'one', power: 'low-power' },
  cpu: 1,
  memoryBytes: 1,
  diskBytes: 1,
  slots: 1,
  executors: ['process'],
} as const;

let lease: RunnerLease;
let log: RecordedEvent[];
const started = (alone = false): void => {
  let epochs = 0;
  log = [];
  lease = new RunnerLease('r1', terms, alone, () => `e${(epochs += 1)}`);
};
beforeEach(() => started());

const registered = (epoch: string): NewEvent =>
  RunnerRegistered({ runnerId: 'r1', epoch, offer: { ...OFFER, executors: [...OFFER.executors] } });
const lost = (epoch: string): NewEvent => RunnerLost({ runnerId: 'r1', epoch, because: 'silence' });
const recorded = (...events: NewEvent[]): void => {
  for (const event of events) log.push({ ...event, revision: log.length } as unknown as RecordedEvent);
};
/** Reads what is new in the log; a network may deliver it twice. */
const look = (askedAt: number): boolean => {
  const found = log.slice(lease.nextRevision);
  const ended = lease.looked(askedAt, found);
  expect(lease.looked(askedAt, found)).toBe(false);
  return ended;
};
const helloAnsweredAt = (sentAt: number): void => {
  const number = lease.sayHello(sentAt)!;
  for (let n = 0; n < 2; n += 1) lease.answered(lease.epoch, number);
};

describe('A lease', () => {
  it('is held by nobody before the epoch is registered', () => {
    expect(lease.standing('e1', 0)).toBe('unsure');
    expect(look(0)).toBe(false);
    expect(lease.standing('e1', 0)).toBe('unsure');
    expect(lease.expired(LEASE_MS * 9)).toBe(false);
  });

  it('is good for its length less the margin from when the answered hello was sent', () => {
    helloAnsweredAt(1_000);
    expect(lease.standing('e1', 1_000 + ANSWER_GOOD_MS - 1)).toBe('held');
    expect(lease.standing('e1', 1_000 + ANSWER_GOOD_MS)).toBe('unsure');
    expect(lease.expired(1_000 + ANSWER_GOOD_MS - 1)).toBe(false);
    expect(lease.expired(1_000 + ANSWER_GOOD_MS)).toBe(true);
  });

  it('is not shortened by an answer that comes late, nor renewed by one to another epoch or to no hello', () => {
    const early = lease.sayHello(0)!;
    helloAnsweredAt(50_000);
    lease.answered('e1', early);
    lease.answered('e9', early);
    lease.answered('e1', 99);
    expect(lease.deadline).toBe(50_000 + ANSWER_GOOD_MS);
  });

  it('is good for half the grace period when the log says that it is not lost', () => {
    recorded(registered('e1'));
    look(10_000);
    expect(lease.deadline).toBe(10_000 + terms.graceMs / 2);
  });

  it('ends at once when the log says that it is lost, however well hellos are answered, and once', () => {
    recorded(registered('e1'));
    helloAnsweredAt(0);
    look(0);
    recorded(lost('e1'));
    expect(look(1_000)).toBe(true);
    helloAnsweredAt(1_000);
    expect(lease.standing('e1', 1_000)).toBe('ended');
    expect(look(2_000)).toBe(false);
  });

  it('ends when another process has registered since', () => {
    recorded(registered('e1'));
    look(0);
    recorded(registered('other'));
    expect(look(1_000)).toBe(true);
  });

  it('is not ended by what an earlier process was told', () => {
    recorded(registered('earlier'), lost('earlier'), registered('earlier 2'));
    expect(look(0)).toBe(false);
    recorded(lost('earlier 2'), registered('e1'));
    expect(look(1_000)).toBe(false);
    expect(lease.standing('e1', 1_000)).toBe('held');
  });

  it('is looked up in the log more often while no answers come', () => {
    helloAnsweredAt(0);
    expect(lease.isLookDue(terms.lookMs, 0)).toBe(false);
    expect(lease.isLookDue(2 * terms.lookMs, 0)).toBe(true);
    expect(lease.isLookDue(LEASE_MS / 2 + terms.lookMs, LEASE_MS / 2)).toBe(true);
  });
});

describe('After its lease is over a runner', () => {
  beforeEach(() => {
    recorded(registered('e1'));
    look(0);
  });

  it('says nothing under the old epoch and begins a new one when the log has been read', () => {
    expect(lease.expired(terms.graceMs)).toBe(true);
    expect(lease.sayHello(terms.graceMs)).toBeUndefined();
    look(terms.graceMs);
    expect(lease.beginAnew()).toBe(true);
    expect(lease.epoch).toBe('e2');
    expect(lease.standing('e1', terms.graceMs)).toBe('ended');
    recorded(lost('e1'), registered('e2'));
    look(terms.graceMs);
    expect(lease.standing('e2', terms.graceMs)).toBe('held');
  });

  it('does not fight with a process that has taken its place, and follows it when that is lost', () => {
    recorded(lost('e1'), registered('other'));
    look(1_000);
    expect(lease.beginAnew()).toBe(false);
    recorded(lost('other'));
    look(2_000);
    expect(lease.beginAnew()).toBe(true);
  });

  it('does not begin anew while it holds its lease', () => expect(lease.beginAnew()).toBe(false));
});

describe('A job that was given to an earlier process of the runner', () => {
  it('is not taken when that process may still be alive', () => {
    recorded(registered('earlier'), lost('earlier'), registered('e1'));
    look(0);
    expect(lease.standing('earlier', 0)).toBe('ended');
    expect(lease.standing(undefined, 0)).toBe('ended');
  });

  it('is not known to be over before the log says so', () => {
    expect(lease.standing('earlier', 0)).toBe('unsure');
    recorded(registered('earlier'));
    look(0);
    expect(lease.standing('earlier', 0)).toBe('unsure');
    recorded(lost('earlier'), registered('e1'));
    look(0);
    expect(lease.standing('earlier', 0)).toBe('ended');
  });

  it('is still this one’s when nothing else can be alive, as soon as the log says so', () => {
    started(true);
    helloAnsweredAt(0);
    expect(lease.standing('earlier', 0)).toBe('unsure');
    recorded(registered('earlier'), registered('e1'));
    look(0);
    expect(lease.standing('earlier', 0)).toBe('held');
    expect(lease.standing(undefined, 0)).toBe('held');
  });

  it('is others’ when the runner was lost in between', () => {
    started(true);
    recorded(registered('earlier'), lost('earlier'), registered('e1'));
    look(0);
    expect(lease.standing('earlier', 0)).toBe('ended');
    expect(lease.standing(undefined, 0)).toBe('ended');
    expect(lease.standing('e1', 0)).toBe('held');
  });
});

describe('A job that was given to another process, which has taken the place of this one', () => {
  beforeEach(() => {
    recorded(registered('e1'));
    look(0);
  });

  it('is not passed over, neither before the log tells of that process nor afterwards', () => {
    expect(lease.standing('other', 0)).toBe('unsure');
    recorded(lost('e1'), registered('other'));
    expect(lease.isReplaced).toBe(false);
    expect(look(1_000)).toBe(true);
    expect(lease.isReplaced).toBe(true);
    expect(lease.standing('other', 1_000)).toBe('unsure');
    recorded(lost('other'));
    look(2_000);
    expect(lease.standing('other', 2_000)).toBe('ended');
  });
});
