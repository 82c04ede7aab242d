import { describe, expect, it } from '@jest/globals';
import type { ResourceUsage } from '@foldline/kernel';
import { UsedResources } from './used-resources.ts';

const usedBy = (...steps: (ResourceUsage | undefined)[]) => {
  const used = new UsedResources();
  for (const step of steps) used.add(step);
  return used.usage;
};

describe('what a job used', () => {
  it('is what its steps used together, and the most memory of any of them', () => {
    const one = { cpuMs: 10, peakMemoryBytes: 7, readBytes: 1, writtenBytes: 2 };
    expect(usedBy(one, { ...one, peakMemoryBytes: 5 })).toEqual({
      cpuMs: 20,
      peakMemoryBytes: 7,
      readBytes: 2,
      writtenBytes: 4,
    });
  });

  it('leaves out what is not known of all of them', () =>
    expect(usedBy({ cpuMs: 1, readBytes: 1, writtenBytes: 1 }, { cpuMs: 2 })).toEqual({ cpuMs: 3 }));

  it('is not known where one of them was not measured, or there was none', () => {
    expect(usedBy({ cpuMs: 1 }, undefined, { cpuMs: 1 })).toBeUndefined();
    expect(usedBy()).toBeUndefined();
  });
});
