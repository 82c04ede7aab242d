import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** The variable that every process of an attempt inherits. */
export const MARKER = 'FOLDLINE_ATTEMPT';

/** Above this, reading the folder once is cheaper than asking for each number. */
const MAX_PROBES = 64;
/** In a shorter time no machine makes the 32,768 processes after which numbers start again. */
const NO_WRAP_MS = 250;

const isLinux = process.platform === 'linux';

/** A file of /proc; `undefined` when the process is gone or belongs to somebody else. */
const readProc = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

const allPids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);

const lastPid = (): number => Number(readProc('/proc/loadavg')?.toString('latin1').trim().split(' ').at(-1));

export type ProcessStat = {
  alive: boolean;
  group: number;
  session: number;
  memoryBytes: number;
  environmentEnd: number;
};

/** `pid (name) state ppid pgrp session …` (proc(5)); the name may hold anything, so what counts stands after the last `)`. */
export const parseStat = (text: string): ProcessStat => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [group, session, memoryBytes, environmentEnd] = [2, 3, 20, 48].map((index) => Number(fields[index]));
  return {
    alive: !'ZX'.includes(fields[0] ?? 'X'),
    group: group!,
    session: session!,
    memoryBytes: memoryBytes!,
    environmentEnd: environmentEnd!,
  };
};

const statOf = (pid: number): ProcessStat | undefined => {
  const text = readProc(`/proc/${pid}/stat`)?.toString('latin1');
  return text === undefined ? undefined : parseStat(text);
};

/**
 * Whether a process carries the marker; one that changed its environment still shows the one it was given. While a
 * process takes up another program (execve) it has memory and no environment yet: then nobody can tell.
 */
export const isMarked = (environment: Buffer | undefined, stat: ProcessStat, marker: Buffer): boolean | 'unknown' => {
  if (!environment) return false;
  if (environment.length === 0) return stat.alive && stat.memoryBytes > 0 && stat.environmentEnd === 0 && 'unknown';
  return environment.indexOf(marker.subarray(1)) === 0 || environment.includes(marker);
};

const markerOf = (mark: string): Buffer => Buffer.from(`\0${MARKER}=${mark}\0`);

/** `unsure`: there was a process of which nobody could tell; look again. */
export type Found = { pids: number[]; unsure: boolean };

const look = (pids: readonly number[], mark: string, isWanted: (stat: ProcessStat, marked: boolean) => boolean) => {
  const marker = markerOf(mark);
  const found: Found = { pids: [], unsure: false };
  for (const pid of pids) {
    const seen = readProc(`/proc/${pid}/environ`);
    const stat = statOf(pid);
    if (!stat?.alive) continue;
    // One that was just taking up another program may have its environment by now.
    const environment = seen?.length === 0 ? readProc(`/proc/${pid}/environ`) : seen;
    const marked = isMarked(environment, stat, marker);
    if (isWanted(stat, marked === true)) found.pids.push(pid);
    else if (marked === 'unknown') found.unsure = true;
  }
  return found;
};

/** Processes anywhere on this host that carry the mark. */
export const lookForMarked = (mark: string): Found =>
  isLinux ? look(allPids(), mark, (_stat, marked) => marked) : { pids: [], unsure: false };

/** The same at one look; those of one process group can be left out. */
export const markedProcesses = (mark: string, exceptGroup?: number): number[] =>
  isLinux ? look(allPids(), mark, ({ group }, marked) => marked && group !== exceptGroup).pids : [];

/**
 * Numbers that processes started after `leader` can have. A job that started none costs one small read: the kernel
 * tells the last number it gave out.
 */
const youngerThan = (leader: number, ageMs: number): number[] => {
  const last = lastPid();
  if (ageMs > NO_WRAP_MS || !(last >= leader)) return allPids();
  if (last - leader > MAX_PROBES) return allPids().filter((pid) => pid > leader && pid <= last);
  return Array.from({ length: last - leader }, (_, n) => leader + 1 + n).filter((pid) => pid !== process.pid);
};

/** What a shell left behind although its group was killed: marked processes, and those of its session without the mark. */
export const survivorsOf = (mark: string, leader: number, ageMs: number): Found =>
  isLinux
    ? look(youngerThan(leader, ageMs), mark, ({ session }, marked) => marked || session === leader)
    : { pids: [], unsure: false };

/** Whether anybody in a process group is alive; the dead that nobody has buried yet do not count. */
export const isGroupAlive = (group: number): boolean => {
  if (!signal(-group, 0)) return false;
  return (
    !isLinux ||
    allPids().some((pid) => {
      const stat = statOf(pid);
      return stat?.group === group && stat.alive;
    })
  );
};

/** Processes that can write to an open file, by the name that /proc gives it. */
export const writersTo = (name: string): number[] => {
  if (!isLinux) return [];
  return allPids().filter((pid) => {
    try {
      const paths = readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
      return paths.some((path) => readlinkSync(path) === name && (lstatSync(path).mode & 0o200) !== 0);
    } catch {
      // The process ended while being looked at, or belongs to somebody else.
      return false;
    }
  });
};

/** Whether the process or group (negative) was there to be signalled. */
export const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};
