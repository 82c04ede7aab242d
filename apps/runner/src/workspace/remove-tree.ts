import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, unlinkSync } from 'node:fs';

/** Removes a file or a directory with everything in it; nothing happens when there is none. */
export const removeTree = (path: string | Buffer): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
    removeStubborn(Buffer.from(path));
  }
};

/**
 * For trees that the ordinary way cannot remove: tools leave read-only directories behind (Go's module cache does), and
 * a program may nest directories until no path can name the innermost. Each directory is made writable and moved to the
 * top before it is emptied, so that every path stays short.
 */
const removeStubborn = (root: Buffer): void => {
  chmodSync(root, 0o700);
  const top = under(root, freeName(readdirSync(root)));
  mkdirSync(top);
  const waiting = [root];
  for (let moved = 0, directory = waiting.pop(); directory; directory = waiting.pop()) {
    chmodSync(directory, 0o700);
    for (const name of readdirSync(directory, 'buffer')) {
      const path = under(directory, name);
      if (path.equals(top)) continue;
      if (!lstatSync(path).isDirectory()) unlinkSync(path);
      else {
        // Moving a directory changes its link to the one above, which takes the right to write in it.
        chmodSync(path, 0o700);
        const target = under(top, String((moved += 1)));
        renameSync(path, target);
        waiting.push(target);
      }
    }
    if (directory !== root) rmdirSync(directory);
  }
  rmdirSync(top);
  rmdirSync(root);
};

const freeName = (taken: readonly string[]): string => {
  for (let n = 0; ; n += 1) if (!taken.includes(`.removing-${n}`)) return `.removing-${n}`;
};

const under = (directory: Buffer, name: string | Buffer): Buffer =>
  Buffer.concat([directory, Buffer.from('/'), Buffer.from(name)]);
