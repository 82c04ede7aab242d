import { describe, expect, it } from '@jest/globals';
import { derivedId, eventId } from './event-ids.ts';

describe('the id of an event', () => {
  it('is the same whenever the same is decided for the same cause', () =>
    expect(eventId('cause', 'plan-1', 'Record', 0)).toBe(eventId('cause', 'plan-1', 'Record', 0)));

  it('stays what it was in earlier releases', () =>
    expect(eventId('cause', 'plan-1', 'Record', 0)).toBe('ec0f8963-c927-5d19-9de4-c89f475ce9af'));

  it('is another one for another cause, stream, command or number', () => {
    const ids = [
      eventId('cause', 'plan-1', 'Record', 0),
      eventId('other', 'plan-1', 'Record', 0),
      eventId('cause', 'plan-2', 'Record', 0),
      eventId('cause', 'plan-1', 'Forget', 0),
      eventId('cause', 'plan-1', 'Record', 1),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('an id derived from names', () => {
  it('is the same for the same names', () => expect(derivedId('a', 'b')).toBe(derivedId('a', 'b')));
  it('stays what it was in earlier releases', () =>
    expect(derivedId('deployment', 'p.0.1')).toBe('1359261ccd01567196063fb491'));
  it('does not mix up where one name ends and the next begins', () =>
    expect(new Set([derivedId('ab', 'c'), derivedId('a', 'bc'), derivedId('abc'), derivedId('a', 'b', 'c')]).size).toBe(
      4,
    ));
  it.each([['../../etc'], ['a b'], ['ü'], ['']])('is safe as a file, stream and URL name, whatever "%s" is', (name) =>
    expect(derivedId(name)).toMatch(/^[0-9a-z]{26}$/),
  );
});
