import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import { aesSecretBox, localSignals, systemClock, ulidIds } from './system.ts';

describe('Secret box', () => {
  const box = aesSecretBox(randomBytes(32));

  it('opens what it sealed, and seals the same value differently each time', () => {
    const sealed = box.seal('päss\nword', 'project:1:variable:A');
    expect(box.open(sealed, 'project:1:variable:A')).toBe('päss\nword');
    expect(box.seal('päss\nword', 'project:1:variable:A')).not.toBe(sealed);
    expect(sealed).not.toContain('word');
  });

  it('opens nothing in another place than it was sealed for', () => {
    const sealed = box.seal('secret', 'project:1:variable:A');
    expect(() => box.open(sealed, 'project:2:variable:A')).toThrow(PermanentError);
  });

  it('opens nothing under another key', () => {
    const sealed = box.seal('secret', 'here');
    expect(() => aesSecretBox(randomBytes(32)).open(sealed, 'here')).toThrow(PermanentError);
  });

  it('opens nothing that was changed in any byte', () => {
    const [version, body] = box.seal('secret', 'here').split('.') as [string, string];
    const bytes = Buffer.from(body, 'base64url');
    for (const index of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[index]! ^= 1;
      expect(() => box.open(`${version}.${changed.toString('base64url')}`, 'here')).toThrow(PermanentError);
    }
  });

  it('has a key for each purpose, which every process of the instance finds and no other instance', () => {
    const key = randomBytes(32);
    const keys = [aesSecretBox(key).keyFor('a'), aesSecretBox(key).keyFor('b'), box.keyFor('a'), key];
    expect(new Set(keys.map((each) => each.toString('hex'))).size).toBe(4);
    expect(aesSecretBox(key).keyFor('a')).toEqual(keys[0]);
    expect(keys[0]).toHaveLength(32);
  });

  it.each(['', 'v1', 'v1.', 'v2.AAAA', 'v1.AAAA', 'plain'])('takes %j for no sealed value', (text) => {
    expect(() => box.open(text, 'here')).toThrow(PermanentError);
  });
});

describe('Ids', () => {
  it('sort by the order in which they were made, and are safe in names', () => {
    const ids = ulidIds();
    const made = Array.from({ length: 1000 }, () => ids.next());
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(1000);
    for (const id of made) expect(id).toMatch(/^[0-9a-z]{26}$/);
  });
});

describe('Signals', () => {
  it('reach those who listen to their topic, and nobody who has stopped', async () => {
    const signals = localSignals();
    const heard: unknown[] = [];
    const stop = signals.listen('a', (message) => heard.push(message));
    await signals.send('a', 1);
    await signals.send('b', 2);
    stop();
    await signals.send('a', 3);
    expect(heard).toEqual([1]);
  });
});

describe('The system clock', () => {
  it('ends a sleep when its signal aborts', async () => {
    const waking = new AbortController();
    const slept = systemClock.sleep(60_000, waking.signal);
    waking.abort();
    await slept;
    expect(waking.signal.aborted).toBe(true);
  });
});
