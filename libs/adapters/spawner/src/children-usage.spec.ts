import { describe, expect, it } from '@jest/globals';
import { ChildrenUsage, usageIn, type ChildUsage } from './children-usage.ts';

const stat = (user: number, system: number): string =>
  `7 (a name) with) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 ${user} ${system} 20 0 1 0 12345 67 89`;

describe('what /proc says of the children that were collected', () => {
  it('is CPU time in hundredths of a second, whatever the name of the program is', () =>
    expect(usageIn(stat(36, 4), undefined)).toEqual({ cpuMs: 400 }));
  it('is what was read from and written to disks, where it says so', () =>
    expect(usageIn(stat(1, 0), 'rchar: 5\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n')).toEqual({
      cpuMs: 10,
      readBytes: 4096,
      writtenBytes: 8192,
    }));
  it.each([undefined, '', 'nothing of the kind'])('may be nothing: %s', (text) =>
    expect(usageIn(text, undefined)).toBeUndefined(),
  );
});

describe('what a program used', () => {
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
  const measured = (...readings: (ChildUsage | undefined)[]) => new ChildrenUsage(() => readings.shift());
  const ended = (usages: ChildrenUsage): (ChildUsage | undefined)[] => {
    const told: (ChildUsage | undefined)[] = [];
    usages.ofEnded((usage) => told.push(usage));
    return told;
  };

  it('is what came since the one before ended', async () => {
    const usages = measured(
      { cpuMs: 50 },
      { cpuMs: 80, readBytes: 9, writtenBytes: 1 },
      { cpuMs: 90, readBytes: 9, writtenBytes: 5 },
    );
    const [first] = [ended(usages)];
    await nextTurn();
    const second = ended(usages);
    await nextTurn();
    expect(first).toEqual([{ cpuMs: 30, readBytes: 9, writtenBytes: 1 }]);
    expect(second).toEqual([{ cpuMs: 10, readBytes: 0, writtenBytes: 4 }]);
  });

  it('is nobody’s when several ended at once', async () => {
    const usages = measured({ cpuMs: 0 }, { cpuMs: 80 }, { cpuMs: 100 });
    const both = [ended(usages), ended(usages)];
    await nextTurn();
    const later = ended(usages);
    await nextTurn();
    expect(both).toEqual([[undefined], [undefined]]);
    expect(later).toEqual([{ cpuMs: 20 }]);
  });

  it('is not known where /proc is not', async () => {
    const usages = measured(undefined, undefined);
    const told = ended(usages);
    await nextTurn();
    expect(told).toEqual([undefined]);
  });
});
