import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import './idle-connections.ts';

const silent = { debug: () => undefined, warn: () => undefined };

describe('the requests of a connection to Kafka', () => {
  let queue: RequestQueue;
  let sent: number[];

  beforeEach(() => {
    jest.useFakeTimers();
    sent = [];
    queue = new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1_000, logger: silent });
  });
  afterEach(() => {
    queue.destroy();
    jest.useRealTimers();
  });

  const push = (correlationId: number): void =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined } as { correlationId: number },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  const answer = (correlationId: number): void =>
    queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 });

  it('leave no timer behind when all are answered', () => {
    push(1);
    answer(1);
    expect(sent).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('go out when those before them are answered', () => {
    push(1);
    push(2);
    expect(sent).toEqual([1]);
    answer(1);
    expect(sent).toEqual([1, 2]);
    answer(2);
    jest.advanceTimersByTime(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('go out when the broker’s throttling is over', () => {
    queue.maybeThrottle(50);
    push(1);
    jest.advanceTimersByTime(40);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(20);
    expect(sent).toEqual([1]);
  });
});
