import { describe, expect, it } from '@jest/globals';
import { convertToCommandError } from '@eventstore/db-client';
import { Metadata, status } from '@grpc/grpc-js';
import { AccessDenied, DamagedLog, PermanentError, TransientError } from '@foldline/kernel';
import { failureOf } from './failures.ts';

/** The error of a call, as the client makes its own of it. */
const clientError = (code: status, trailers: Record<string, string> = {}): Error => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return convertToCommandError(
    Object.assign(new Error('it failed'), { code, details: 'it failed', metadata }),
  ) as Error;
};

describe('a failed call', () => {
  it.each<[string, status, Record<string, string>]>([
    ['the server is not reached', status.UNAVAILABLE, {}],
    ['it does not answer in time', status.DEADLINE_EXCEEDED, {}],
    ['the server cancels it', status.CANCELLED, {}],
    ['the server gives up waiting', status.ABORTED, {}],
    ['the server fails', status.UNKNOWN, {}],
    ['the connection breaks', status.INTERNAL, {}],
    ['the server has no room', status.RESOURCE_EXHAUSTED, {}],
    [
      'another node leads',
      status.NOT_FOUND,
      { exception: 'not-leader', 'leader-endpoint-host': 'two', 'leader-endpoint-port': '2113' },
    ],
  ])('may be made again when %s', (_case, code, trailers) => {
    expect(failureOf(clientError(code, trailers), 'append')).toBeInstanceOf(TransientError);
  });

  it.each<[string, status, Record<string, string>]>([
    [
      'it is too large',
      status.INVALID_ARGUMENT,
      { exception: 'maximum-append-size-exceeded', 'maximum-append-size': '1048576' },
    ],
    ['the stream was deleted', status.FAILED_PRECONDITION, { exception: 'stream-deleted', 'stream-name': 'one' }],
    ['it cannot be understood', status.INVALID_ARGUMENT, {}],
    ['the server does not know it', status.UNIMPLEMENTED, {}],
  ])('is not made again when %s', (_case, code, trailers) => {
    const failure = failureOf(clientError(code, trailers), 'append');
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toMatch(/^EventStoreDB could not append \(/);
  });

  it.each<[string, status, Record<string, string>, string]>([
    ['access is denied', status.PERMISSION_DENIED, { exception: 'access-denied' }, 'no right'],
    ['it is forbidden without a word', status.PERMISSION_DENIED, {}, 'no right'],
    ['nobody is known by that name', status.UNAUTHENTICATED, {}, 'password'],
  ])('blames neither event nor command when %s', (_case, code, trailers, words) => {
    const failure = failureOf(clientError(code, trailers), 'append');
    expect(failure).toBeInstanceOf(AccessDenied);
    expect(failure.message).toContain(words);
  });

  it('stays what it is when it says already what it means', () => {
    const damaged = new DamagedLog('one', 3, 'torn');
    expect(failureOf(damaged, 'read')).toBe(damaged);
  });

  it('may be made again when nobody knows what it is', () => {
    expect(failureOf(new TypeError('odd'), 'read')).toBeInstanceOf(TransientError);
  });
});
