import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { CI_DIRECTORY } from './places.mjs';

const ROOM_MB = 256;

/**
 * Processes that keep something on disk: working copies, repositories, what of a log is not in S3 yet. The others make
 * empty directories when they start, and write nothing.
 */
export const WITH_DISK = ['runner-1', 'runner-2', 'pipeline-planner'];

/** What each server writes to. The storage of S3 is in memory: Ceph has no disk that could be full. */
const SERVER_DISKS = { eventstore: 'eventstore', kafka: 'kafka/data', redis: 'redis' };
export const SERVERS_WITH_DISK = Object.keys(SERVER_DISKS);

/** A file system of its own, which can be full. Needs root. */
export class SmallDisk {
  #mounted = false;

  constructor(path) {
    this.path = path;
  }

  /** One that an earlier run has left is taken as it is. */
  mount() {
    mkdirSync(this.path, { recursive: true });
    if (!isMounted(this.path))
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${ROOM_MB}m`, 'foldline-chaos', this.path]);
    this.#mounted = true;
  }

  /** Takes away all room that is left; answers with what gives it back. */
  fill() {
    const { blocks, bfree, bsize } = statfsSync(this.path);
    this.#resize(Math.max(1, blocks - bfree) * bsize);
    return () => this.#resize(ROOM_MB * 1024 * 1024);
  }

  /** What is on it stays where it is, as files of the disk below. */
  keep() {
    if (!this.#mounted) return;
    const copy = `${this.path}.kept`;
    execFileSync('cp', ['-a', this.path, copy]);
    this.unmount();
    rmdirSync(this.path);
    renameSync(copy, this.path);
  }

  unmount() {
    if (this.#mounted) execFileSync('umount', ['--lazy', this.path]);
    this.#mounted = false;
  }

  #resize(bytes) {
    execFileSync('mount', ['-o', `remount,size=${bytes}`, this.path]);
  }
}

const isMounted = (path) =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === path);

/** Small disks for these places, by name; none where they cannot be had. */
const mountAll = (places, say) => {
  const disks = new Map();
  try {
    for (const [name, path] of Object.entries(places)) {
      const disk = new SmallDisk(path);
      disk.mount();
      disks.set(name, disk);
    }
  } catch (error) {
    say(`no small disks, so none can be full: ${error.message}`);
  }
  return disks;
};

export const mountForProcesses = (directory, say) =>
  mountAll(Object.fromEntries(WITH_DISK.map((name) => [name, join(directory, 'data', name)])), say);

/** Of those that run already, only where they have one: nothing is mounted under a server that is at work. */
export const mountForServers = (isRunning, say) => {
  const places = Object.entries(SERVER_DISKS).map(([name, path]) => [name, join(CI_DIRECTORY, path)]);
  return mountAll(Object.fromEntries(places.filter(([name, path]) => !isRunning(name) || isMounted(path))), say);
};
