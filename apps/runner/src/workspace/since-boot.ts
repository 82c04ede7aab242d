import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * Makes a directory whose content outlives this process but not the machine's start: files in it are not synced, so
 * after a power cut they may be anything. Where the machine does not name its start, nothing outlives the process.
 */
export const directorySinceBoot = (path: string): void => {
  const boot = existsSync(BOOT_ID) ? readFileSync(BOOT_ID, 'utf8') : undefined;
  const note = `${path}.boot-id`;
  if (boot === undefined || !existsSync(note) || readFileSync(note, 'utf8') !== boot) {
    rmSync(path, { recursive: true, force: true });
    if (boot !== undefined) writeFileSync(note, boot);
  }
  mkdirSync(path, { recursive: true, mode: 0o700 });
};
