import { describe, expect, it } from '@jest/globals';
import { countersIn, usedSince } from './cgroup-counters.ts';

describe('the counters of a container', () => {
  it('are read from either version of control groups', () => {
    expect(countersIn(['', 'cpu-us=1500000', 'peak=4096', 'read=10', 'written=20'])).toEqual({
      cpuMs: 1500,
      peakMemoryBytes: 4096,
      readBytes: 10,
      writtenBytes: 20,
    });
    expect(countersIn(['cpu-ns=2000000'])).toEqual({ cpuMs: 2 });
  });

  it('take no notice of what else a shell may say', () =>
    expect(
      countersIn(['cpu-us=', 'cpu-us=1e9', 'peak=-1', 'peak=9999999999999999999', 'luck=7', '__proto__=1']),
    ).toEqual({}));

  it('tell what a step has used since the one before it', () => {
    const before = { cpuMs: 100.4, readBytes: 5, writtenBytes: 7, peakMemoryBytes: 50 };
    const now = { cpuMs: 350.6, readBytes: 6, writtenBytes: 9, peakMemoryBytes: 70 };
    expect(usedSince(before, now)).toEqual({ cpuMs: 250, readBytes: 1, writtenBytes: 2, peakMemoryBytes: 70 });
    expect(usedSince({}, { cpuMs: 3 })).toEqual({ cpuMs: 3 });
    expect(usedSince({}, { peakMemoryBytes: 3 })).toBeUndefined();
  });
});
