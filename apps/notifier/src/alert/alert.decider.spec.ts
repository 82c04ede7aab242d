import { describe, expect, it } from '@jest/globals';
import { AlertFired, AlertResolved, type AlertTransition } from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { alertDecider } from './alert.decider.ts';

const given = givenWhenThen(alertDecider);
const project = { projectId: 'pr1', project: 'ada/engine' };
const at = '2030-01-01T00:00:00.000Z';
const measured = { rule: 'failure_rate', value: 12, threshold: 10, count: 50, at } as const;
const transition = (number: number, isFiring: boolean): AlertTransition => ({ ...measured, number, isFiring });
const record = (...transitions: AlertTransition[]) => ({ type: 'RecordTransitions', ...project, transitions }) as const;
const fired = (alertId: string, number: number) => AlertFired({ alertId, ...project, ...measured, number });
const resolved = (alertId: string, number: number) => AlertResolved({ alertId, ...project, ...measured, number });

describe('what changes with a rule', () => {
  it('is recorded', () =>
    given()
      .when(record(transition(1, true)))
      .then(fired('pr1.1', 1)));
  it('is recorded once', () =>
    given(fired('pr1.1', 1))
      .when(record(transition(1, true)))
      .thenNothing());
  it('is recorded in its turn, however much of it there is', () =>
    given(fired('pr1.1', 1))
      .when(record(transition(1, true), transition(2, false), transition(3, true)))
      .then(resolved('pr1.1', 2), fired('pr1.2', 3)));
  it('is not taken back by what was before', () =>
    given(fired('pr1.1', 1), resolved('pr1.1', 2))
      .when(record(transition(1, true)))
      .thenNothing());
  it('needs no end of what was never recorded', () =>
    given()
      .when(record(transition(2, false)))
      .thenNothing());
});

describe('a queue', () => {
  const queue = (isBeyond: boolean, waiting: number) =>
    ({ type: 'JudgeQueue', ...project, queue: { isBeyond, waiting, threshold: 100, at } }) as const;
  const told = (value: number) => ({ rule: 'queue_depth' as const, value, threshold: 100, count: value, at });
  const tooLong = AlertFired({ alertId: 'pr1.1', ...project, ...told(101) });

  it('that is too long fires (S1-49)', () => given().when(queue(true, 101)).then(tooLong));
  it('fires once', () => given(tooLong).when(queue(true, 150)).thenNothing());
  it('is resolved when it is short again', () =>
    given(tooLong)
      .when(queue(false, 100))
      .then(AlertResolved({ alertId: 'pr1.1', ...project, ...told(100) })));
  it('that never was too long is nothing to tell', () => given().when(queue(false, 0)).thenNothing());
  it('has nothing to do with other rules', () => {
    const state = [fired('pr1.1', 1), tooLong].reduce(alertDecider.evolve, alertDecider.initialState());
    expect([...state.firing.keys()]).toEqual(['failure_rate', 'queue_depth']);
    expect(state.recorded).toBe(1);
  });
});
