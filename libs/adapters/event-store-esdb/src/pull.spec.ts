import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as soon } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Pull, type ClientStream } from './pull.ts';

describe('what comes from a stream of the client', () => {
  const LIMIT = 10;
  const never = new AbortController().signal;
  let stream: Readable;
  let pull: Pull<number>;
  beforeEach(() => {
    stream = new Readable({ objectMode: true, read: () => undefined });
    pull = new Pull(stream as unknown as ClientStream, 'follow the log');
  });

  afterEach(() => void jest.restoreAllMocks());

  const at = (ms: number): void => void jest.spyOn(performance, 'now').mockReturnValue(ms);

  /** The next item comes in the same turn of the event loop as the news of the one before it. */
  const takeOfTwo = async (first: number, second: number): Promise<number[]> => {
    const taking = pull.take(LIMIT, never);
    stream.push(first);
    await once(stream, 'readable');
    stream.push(second);
    return taking;
  };

  it('is taken at once when it comes alone', async () => {
    at(0);
    stream.push(0);
    expect(await pull.take(LIMIT, never)).toEqual([0]);
    at(100);
    expect(await takeOfTwo(1, 2)).toEqual([1]);
  });

  it('is taken together when one item follows on the other', async () => {
    at(0);
    stream.push(0);
    expect(await pull.take(LIMIT, never)).toEqual([0]);
    expect(await takeOfTwo(1, 2)).toEqual([1, 2]);
  });

  it('is taken up to the limit, and the rest with the next', async () => {
    for (let n = 0; n < LIMIT + 2; n += 1) stream.push(n);
    expect(await pull.take(LIMIT, never)).toHaveLength(LIMIT);
    expect(await pull.take(LIMIT, never)).toEqual([LIMIT, LIMIT + 1]);
  });

  it('is nothing when the stream ends or the taker is told to stop', async () => {
    const stopping = new AbortController();
    const stopped = pull.take(LIMIT, stopping.signal);
    stopping.abort();
    expect(await stopped).toEqual([]);
    const ended = pull.take(LIMIT, never);
    stream.push(null);
    expect(await ended).toEqual([]);
  });

  it('is told before what ended the stream is', async () => {
    stream.push(1);
    await soon();
    stream.emit('error', new Error('the connection is gone'));
    expect(await pull.take(LIMIT, never)).toEqual([1]);
    await expect(pull.take(LIMIT, never)).rejects.toThrow('could not follow the log');
  });
});
