import { readFileSync } from 'node:fs';

/** Of a program and all that it waited for. What is written to disks is counted where the system tells. */
export type ChildUsage = { cpuMs: number; readBytes?: number; writtenBytes?: number };

/** Linux counts in hundredths of a second, whatever its clock does. */
const TICK_MS = 10;
/** Of the fields behind the program's name: the times of children that were collected, as user and as system. */
const CHILDREN_USER = 13;
const CHILDREN_SYSTEM = 14;

/** What `/proc/self/stat` and `/proc/self/io` say of all children that were collected; nothing where they say nothing. */
export const usageIn = (stat: string | undefined, io: string | undefined): ChildUsage | undefined => {
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const ticks = Number(fields[CHILDREN_USER]) + Number(fields[CHILDREN_SYSTEM]);
  if (!Number.isFinite(ticks)) return undefined;
  const [, readBytes] = /^read_bytes: (\d+)$/m.exec(io ?? '') ?? [];
  const [, writtenBytes] = /^write_bytes: (\d+)$/m.exec(io ?? '') ?? [];
  return {
    cpuMs: ticks * TICK_MS,
    ...(readBytes !== undefined && writtenBytes !== undefined
      ? { readBytes: Number(readBytes), writtenBytes: Number(writtenBytes) }
      : {}),
  };
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
};

/**
 * What each program used, told from how much all collected children have used: what came since the one before is the
 * last one's, unless several ended in one turn of the event loop.
 */
export class ChildrenUsage {
  private before = this.read();
  private ended: ((usage: ChildUsage | undefined) => void)[] = [];

  constructor(private readonly read = () => usageIn(readIfThere('/proc/self/stat'), readIfThere('/proc/self/io'))) {}

  /** To be called as soon as the program is collected; answers once all are known that were collected with it. */
  ofEnded(tell: (usage: ChildUsage | undefined) => void): void {
    this.ended.push(tell);
    if (this.ended.length === 1) setImmediate(() => this.settle());
  }

  private settle(): void {
    const { before, ended } = this;
    const now = this.read();
    this.before = now;
    this.ended = [];
    const own = ended.length === 1 && before && now ? since(before, now) : undefined;
    for (const tell of ended) tell(own);
  }
}

const since = (before: ChildUsage, now: ChildUsage): ChildUsage => ({
  cpuMs: now.cpuMs - before.cpuMs,
  ...(now.readBytes !== undefined && now.writtenBytes !== undefined
    ? {
        readBytes: now.readBytes - (before.readBytes ?? 0),
        writtenBytes: now.writtenBytes - (before.writtenBytes ?? 0),
      }
    : {}),
});
