import type { ResourceUsage } from '@foldline/kernel';

/** What the steps of a job have used together; nothing from the first step on that could not be measured. */
export class UsedResources {
  private sum: ResourceUsage | undefined;
  private isUnknown = false;

  get usage(): ResourceUsage | undefined {
    return this.isUnknown ? undefined : this.sum;
  }

  add(used: ResourceUsage | undefined): void {
    if (!used) this.isUnknown = true;
    else this.sum = this.sum ? together(this.sum, used) : used;
  }
}

const together = (one: ResourceUsage, other: ResourceUsage): ResourceUsage => {
  const peaks = [one.peakMemoryBytes, other.peakMemoryBytes].filter((bytes) => bytes !== undefined);
  return {
    cpuMs: one.cpuMs + other.cpuMs,
    ...(peaks.length > 0 && { peakMemoryBytes: Math.max(...peaks) }),
    ...(one.readBytes !== undefined && other.readBytes !== undefined && { readBytes: one.readBytes + other.readBytes }),
    ...(one.writtenBytes !== undefined &&
      other.writtenBytes !== undefined && { writtenBytes: one.writtenBytes + other.writtenBytes }),
  };
};
