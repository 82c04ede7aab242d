import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeImage } from '@foldline/squashfs';

const run = promisify(execFile);

/** Nothing in an image is a device or makes anybody another user. */
const SAFE = 'nosuid,nodev';
/** What separates directories and options, which no mount of ours has in a path. */
const SEPARATOR = /[:,\\\n]/;
/** As much as the kernel takes of options, one page. */
const MOST_OPTIONS = 4095;

/** Mounts of Linux. Each call throws where this process may not mount, or the kernel knows too little. */
export const mountImage = async (image: string, at: string): Promise<void> => {
  mkdirSync(at, { recursive: true, mode: 0o700 });
  await run('mount', ['-t', 'squashfs', '-o', `loop,ro,${SAFE}`, image, at]);
};

/**
 * Several directories seen as one; the first lies on top. What is written to it comes into `upper`. A directory that is
 * renamed is copied by whoever renames it, as in containers, so that `upper` has everything that was changed.
 */
export const mountOverlay = async (
  at: string,
  lower: readonly string[],
  writable?: { upper: string; work: string },
): Promise<void> => {
  const paths = [...lower, ...(writable ? [writable.upper, writable.work] : [])];
  const bad = paths.find((path) => SEPARATOR.test(path));
  if (bad !== undefined) throw new Error('a path has a separator of mount options in it');
  for (const path of writable ? [at, writable.upper, writable.work] : [at])
    mkdirSync(path, { recursive: true, mode: 0o755 });
  const changes = writable ? `,upperdir=${writable.upper},workdir=${writable.work}` : '';
  const options = `${SAFE},redirect_dir=off,metacopy=off,lowerdir=${lower.join(':')}${changes}`;
  if (options.length > MOST_OPTIONS) throw new Error('there are too many layers for one mount');
  await run('mount', ['-t', 'overlay', '-o', options, 'overlay', at]);
};

/** Also when somebody still is in it: it goes as soon as they do. */
export const unmount = async (at: string): Promise<void> => {
  await run('umount', [at]).catch(() => run('umount', ['--lazy', at]));
};

/** What an earlier process has left mounted below a directory. */
export const unmountLeftovers = (below: string): void => {
  for (const at of mountsBelow(below)) spawnSync('umount', ['--lazy', at], { stdio: 'ignore' });
};

/** The last mounted come first. */
const mountsBelow = (directory: string): string[] => {
  if (process.platform !== 'linux') return [];
  const places = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((place) => place.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8))));
  return places.filter((place) => place.startsWith(`${directory}/`)).toReversed();
};

/** Whether this process may mount an image under an overlay: it is tried. */
export const mayMount = async (scratch: string): Promise<boolean> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const directory = mkdtempSync(join(scratch, 'mount-'));
  const [image, mounted, merged] = ['image', 'mounted', 'merged'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  try {
    writeFileSync(join(directory, 'file'), '');
    await writeImage(image, {
      root: directory,
      entries: [{ kind: 'file', path: 'file', mode: 0o600, mtime: 0, size: 0 }],
      madeAt: 0,
    });
    await mountImage(image, mounted);
    await mountOverlay(merged, [mounted], { upper: join(directory, 'upper'), work: join(directory, 'work') });
    return true;
  } catch {
    return false;
  } finally {
    unmountLeftovers(directory);
    rmSync(directory, { recursive: true, force: true });
  }
};
