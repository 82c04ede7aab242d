import { describe, expect, it } from '@jest/globals';
import type { Node } from '../node.ts';
import { subject } from '../read.ts';
import { Report } from '../report.ts';
import { readOnce } from './read-once.ts';
import { shape } from './shape.ts';

const at = { line: 1, column: 1 };
const place: Node = { kind: 'list', at, items: [] };

/** A shape that counts how often it reads, and tells or marks something each time. */
const counted = (tells: 'nothing' | 'a warning' | 'a mark') => {
  const read: string[] = [];
  const counting = shape((_node, { label, report, marks }) => {
    read.push(label);
    if (tells === 'a warning') report.warn('folded-shell', at, label);
    if (tells === 'a mark') marks.push({ keyword: 'hooks', value: label, why: 'it is a test' });
    return { label };
  }, {});
  return { read, counting };
};
const askedBy = (label: string) => subject(new Report('f.yml'), label);

describe('A place of a file', () => {
  it('is read once, whoever asks', () => {
    const { read, counting } = counted('nothing');
    expect(readOnce(counting, place, askedBy('one'))).toBe(readOnce(counting, place, askedBy('other')));
    expect(read).toEqual(['one']);
  });

  it('is read as each of the things that are asked for', () => {
    const [one, other] = [counted('nothing'), counted('nothing')];
    readOnce(one.counting, place, askedBy('one'));
    readOnce(other.counting, place, askedBy('other'));
    expect([one.read, other.read]).toEqual([['one'], ['other']]);
  });

  it.each(['a warning', 'a mark'] as const)('of which %s is told is read for everybody who asks', (tells) => {
    const { read, counting } = counted(tells);
    for (const label of ['one', 'other']) readOnce(counting, place, askedBy(label));
    expect(read).toEqual(['one', 'other']);
  });
});
