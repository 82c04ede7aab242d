import { lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';

/** The variable that every process of an attempt inherits. */
export const MARKER = 'FOLDLINE_ATTEMPT';

/** Above this, reading the folder once is cheaper than asking for each number. */
const MAX_PROBES = 64;
/** In a shorter time no machine makes the 32,768 processes after which numbers start again. */
const NO_WRAP_MS = 250;

const isLinux = process.platform === 'linux';

/** Nothing when what is looked at has ended meanwhile, or belongs to somebody else. */
const unlessGone = <Value>(look: () => Value): Value | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

/** A file of /proc. */
const readProc = (path: string): Buffer | undefined => unlessGone(() => readFileSync(path));

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

/** What an open file is, under whatever name and whether or not it still has one. */
export type FileIdentity = { dev: number; ino: number };

/** Processes that can write to an open file; nothing where there is no /proc. */
export const writersTo = (file: FileIdentity): number[] =>
  isLinux ? allPids().filter((pid) => descriptorsOf(pid).some((path) => isWritable(path) && isSame(path, file))) : [];

const descriptorsOf = (pid: number): string[] => {
  const directory = `/proc/${pid}/fd`;
  return unlessGone(() => readdirSync(directory).map((fd) => `${directory}/${fd}`)) ?? [];
};
/** The link of a descriptor has the rights that the file was opened with. */
const isWritable = (path: string): boolean => unlessGone(() => (lstatSync(path).mode & 0o200) !== 0) ?? false;
const isSame = (path: string, { dev, ino }: FileIdentity): boolean =>
  unlessGone(() => {
    const found = statSync(path);
    return found.ino === ino && found.dev === dev;
  }) ?? false;

/** Whether the process or group (negative) was there to be signalled. */
export const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};
