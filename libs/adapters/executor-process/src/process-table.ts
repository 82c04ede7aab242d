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

/** Kernel threads and zombies have no environment; a process that changed its own still shows the one it was given. */
const isMarked = (pid: number, marker: Buffer): boolean => {
  const environment = readProc(`/proc/${pid}/environ`);
  if (!environment || environment.length < marker.length - 1) return false;
  return environment.indexOf(marker.subarray(1)) === 0 || environment.includes(marker);
};

/** `pid (name) state ppid pgrp session …`; the name may hold anything, so what counts stands after the last `)`. */
const statOf = (pid: number): { alive: boolean; group: number; session: number } | undefined => {
  const text = readProc(`/proc/${pid}/stat`)?.toString('latin1');
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields && { alive: !'ZX'.includes(fields[0] ?? 'X'), group: Number(fields[2]), session: Number(fields[3]) };
};

const markerOf = (attemptId: string): Buffer => Buffer.from(`\0${MARKER}=${attemptId}\0`);

/** Processes anywhere on this host that carry the marker of the attempt; those of one process group can be left out. */
export const markedProcesses = (attemptId: string, exceptGroup?: number): number[] => {
  if (!isLinux) return [];
  const marker = markerOf(attemptId);
  return allPids().filter((pid) => {
    const stat = isMarked(pid, marker) ? statOf(pid) : undefined;
    return stat !== undefined && stat.alive && stat.group !== exceptGroup;
  });
};

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
export const survivorsOf = (attemptId: string, leader: number, ageMs: number): number[] => {
  if (!isLinux) return [];
  const marker = markerOf(attemptId);
  return youngerThan(leader, ageMs).filter((pid) => {
    const marked = isMarked(pid, marker);
    const stat = statOf(pid);
    return stat !== undefined && stat.alive && (marked || stat.session === leader);
  });
};

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
