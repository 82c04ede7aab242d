import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** A line of a mount table, as fstab(5) has it. */
export type Mount = { what: string; at: string; type: 'squashfs' | 'overlay'; options: string };

export const imageAt = (image: string, at: string): Mount => ({
  what: image,
  at,
  type: 'squashfs',
  options: `loop,ro,${SAFE}`,
});

/**
 * Several directories seen as one; the first lies on top. What is written to it comes into `upper`. A directory that is
 * renamed is copied by whoever renames it, as in containers, so that `upper` has everything that was changed. Throws
 * where that cannot be said in options of a mount.
 */
export const overlayAt = (at: string, lower: readonly string[], writable?: { upper: string; work: string }): Mount => {
  const paths = [...lower, ...(writable ? [writable.upper, writable.work] : [])];
  if (paths.some((path) => SEPARATOR.test(path))) throw new Error('a path has a separator of mount options in it');
  const changes = writable ? `,upperdir=${writable.upper},workdir=${writable.work}` : '';
  const options = `${SAFE},redirect_dir=off,metacopy=off,lowerdir=${lower.join(':')}${changes}`;
  if (options.length > MOST_OPTIONS) throw new Error('there are too many layers for one mount');
  // What `mount` knows by the same name at the same place would be left as it is.
  return { what: `overlay-${randomUUID()}`, at, type: 'overlay', options };
};

/**
 * Mounts each upon those before it, all of them or none, and throws where this process may not mount, or the kernel
 * knows too little. To start a program copies the page tables of a process that may be large, which takes longer than
 * the mounts themselves: so they share one, which reads what to do in the file `table`.
 */
export const mountAll = async (mounts: readonly Mount[], table: string): Promise<void> => {
  for (const { at } of mounts) mkdirSync(at, { recursive: true, mode: 0o700 });
  writeFileSync(table, mounts.map(lineOf).join(''), { mode: 0o600 });
  try {
    await run('mount', ['-a', '-T', table]);
  } catch (error) {
    await unmountAll(mounts.map(({ at }) => at)).catch(() => undefined);
    throw error;
  }
};

const lineOf = ({ what, at, type, options }: Mount): string =>
  `${[what, at, type, options].map(escaped).join(' ')} 0 0\n`;

/** What separates the fields of a mount table is written as its octal code. */
const escaped = (field: string): string =>
  field.replaceAll(/[ \t\r\n#\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);

/** The last one first; also when somebody still is in them: they go as soon as those do. */
export const unmountAll = async (mounted: readonly string[]): Promise<void> => {
  if (mounted.length > 0) await run('umount', ['--lazy', ...mounted.toReversed()]);
};

/** What an earlier process has left mounted below a directory. */
export const unmountLeftovers = (below: string): void => {
  const mounted = mountsBelow(below);
  if (mounted.length > 0) spawnSync('umount', ['--lazy', ...mounted], { stdio: 'ignore' });
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
    for (const place of ['upper', 'work']) mkdirSync(join(directory, place));
    const writable = { upper: join(directory, 'upper'), work: join(directory, 'work') };
    await mountAll([imageAt(image, mounted), overlayAt(merged, [mounted], writable)], join(directory, 'table'));
    return existsSync(join(merged, 'file'));
  } catch {
    return false;
  } finally {
    unmountLeftovers(directory);
    rmSync(directory, { recursive: true, force: true });
  }
};
