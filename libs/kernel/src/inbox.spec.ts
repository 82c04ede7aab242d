import { beforeEach, describe, expect, it } from '@jest/globals';
import { Inbox } from './inbox.ts';

describe('Inbox', () => {
  let inbox: Inbox;
  const accept = (...revisions: number[]) => revisions.map((revision) => inbox.accept('job-one', revision));

  beforeEach(() => {
    inbox = new Inbox(3);
  });

  it('takes the events of a stream in order', () => {
    expect(accept(0, 1, 2)).toEqual(['next', 'next', 'next']);
  });

  it('recognises events that it has taken', () => {
    accept(0, 1, 2);
    expect(accept(2, 0, 1, 3)).toEqual(['duplicate', 'duplicate', 'duplicate', 'next']);
  });

  it('begins in the middle of a stream that it does not know', () => {
    expect(accept(7, 7, 8)).toEqual(['next', 'duplicate', 'next']);
  });

  it('names the first missing event and takes nothing until it has come', () => {
    accept(0);
    expect(accept(3)).toEqual([{ missingFrom: 1 }]);
    expect(accept(3)).toEqual([{ missingFrom: 1 }]);
    expect(accept(1, 2, 3)).toEqual(['next', 'next', 'next']);
  });

  it('misses nothing that was to go elsewhere', () => {
    expect(inbox.accept('group-one', 3, -1)).toBe('next');
    expect(inbox.accept('group-one', 7, 3)).toBe('next');
    expect(inbox.accept('group-one', 7, 3)).toBe('duplicate');
    expect(inbox.accept('group-one', 12, 9)).toEqual({ missingFrom: 8 });
  });

  it('knows what it has not taken, of streams that it may not have forgotten', () => {
    accept(0, 1);
    expect([inbox.lacks('job-one', 1), inbox.lacks('job-one', 2), inbox.lacks('job-other', 0)]).toEqual([
      false,
      true,
      true,
    ]);
    for (const stream of ['a', 'b', 'c']) inbox.accept(stream, 0);
    expect([inbox.lacks('job-other', 0), inbox.lacks('c', 0), inbox.lacks('c', 1)]).toEqual([false, false, true]);
  });

  it('keeps streams apart', () => {
    accept(0, 1);
    expect(inbox.accept('job-two', 0)).toBe('next');
    expect(inbox.accept('job-two', 1)).toBe('next');
    expect(accept(2)).toEqual(['next']);
  });

  it('forgets the stream that was idle for longest when there are too many', () => {
    for (const stream of ['a', 'b', 'c']) inbox.accept(stream, 0);
    inbox.accept('a', 1);
    inbox.accept('d', 0);
    expect(inbox.accept('a', 1)).toBe('duplicate');
    expect(inbox.accept('c', 0)).toBe('duplicate');
    expect(inbox.accept('b', 0)).toBe('next');
  });
});
