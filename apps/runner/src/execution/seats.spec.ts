import { describe, expect, it } from '@jest/globals';
import { Seats } from './seats.ts';

describe('Seats', () => {
  it('are the lowest numbers that nobody else with the same key holds', () => {
    const seats = new Seats();
    const [first, second, elsewhere] = [seats.take('one'), seats.take('one'), seats.take('two')];
    expect([first.number, second.number, elsewhere.number]).toEqual([0, 1, 0]);

    first.leave();
    expect([seats.take('one').number, seats.take('one').number]).toEqual([0, 2]);
  });
});
