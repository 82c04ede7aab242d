import type { ResourceUsage } from '@foldline/kernel';

/** What a container has used since it was started; of both versions of control groups what each tells. */
export type Counters = { cpuMs?: number; peakMemoryBytes?: number; readBytes?: number; writtenBytes?: number };

/**
 * For the shell of a container: reads its counters into `$counters`, as words `cpu-us=`, `cpu-ns=`, `peak=`, `read=` and
 * `written=`, without a process of its own. Files of the version that there is not are passed over; the first version does
 * not know whose writes they are that wait in the page cache, so nothing is said of disks there.
 */
export const READ_COUNTERS = [
  'counters=; read_bytes=0; written_bytes=0; cd /sys/fs/cgroup 2>/dev/null',
  'if [ -r cpu.stat ]; then while read -r name value; do' +
    ' if [ "$name" = usage_usec ]; then counters="$counters cpu-us=$value"; fi; done < cpu.stat; fi',
  'if [ -r cpuacct/cpuacct.usage ]; then read -r value < cpuacct/cpuacct.usage; counters="$counters cpu-ns=$value"; fi',
  'for file in memory.peak memory/memory.max_usage_in_bytes; do' +
    ' if [ -r $file ]; then read -r value < $file; counters="$counters peak=$value"; fi; done',
  'if [ -r io.stat ]; then while read -r line; do for word in $line; do case $word in' +
    ' rbytes=*) read_bytes=$((read_bytes + ${word#rbytes=}));;' +
    ' wbytes=*) written_bytes=$((written_bytes + ${word#wbytes=}));; esac; done; done < io.stat;' +
    ' counters="$counters read=$read_bytes written=$written_bytes"; fi',
  'cd /',
].join('; ');

const WORD = /^(cpu-us|cpu-ns|peak|read|written)=(\d{1,18})$/;

/** What the shell has told; whatever else it says is passed over, for its image may be anybody's. */
export const countersIn = (words: readonly string[]): Counters => {
  const counters: Counters = {};
  for (const word of words) {
    const [, name, digits] = WORD.exec(word) ?? [];
    const value = Number(digits);
    if (name === 'cpu-us') counters.cpuMs = value / 1000;
    else if (name === 'cpu-ns') counters.cpuMs = value / 1_000_000;
    else if (name === 'peak') counters.peakMemoryBytes = value;
    else if (name === 'read') counters.readBytes = value;
    else if (name === 'written') counters.writtenBytes = value;
  }
  return counters;
};

/** What was used since then; nothing where the container does not tell of its CPU time. */
export const usedSince = (before: Counters, now: Counters): ResourceUsage | undefined => {
  if (now.cpuMs === undefined) return undefined;
  const since = (name: 'cpuMs' | 'readBytes' | 'writtenBytes'): number =>
    Math.max(0, Math.round((now[name] ?? 0) - (before[name] ?? 0)));
  return {
    cpuMs: since('cpuMs'),
    ...(now.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: now.peakMemoryBytes }),
    ...(now.readBytes === undefined ? {} : { readBytes: since('readBytes'), writtenBytes: since('writtenBytes') }),
  };
};
