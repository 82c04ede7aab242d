import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WORDS = Array.from({ length: 4096 }, (_, n) =>
  createHash('sha256')
    .update(String(n))
    .digest('base64')
    .slice(0, 4 + (n % 9)),
);

/** A sequence that looks random and is the same each time (mulberry32). */
const sequence = (seed) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
};

/** Text that compresses about as programs do. */
const textOf = (bytes, next) => {
  const parts = [];
  for (let length = 0; length < bytes;) {
    const word = WORDS[next() % (next() % 2 === 0 ? 4096 : 64)];
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(' ').slice(0, bytes);
};

/** Files as a package manager leaves them: most are small, a few are large, ten or so to a directory. Answers their paths. */
export const makeTree = (root, { files, bytes }) => {
  const next = sequence(1);
  const mean = bytes / files;
  const paths = [];
  for (let n = 0; n < files; n += 1) {
    const directory = join(root, 'node_modules', `package-${n % 600}`, `lib-${Math.floor(n / 600) % 5}`);
    const size = n % 100 === 0 ? mean * 50 : (mean / 2) * ((next() % 1000) / 500);
    mkdirSync(directory, { recursive: true });
    paths.push(join(directory, `module-${n}.js`));
    writeFileSync(paths.at(-1), textOf(Math.floor(size), next));
  }
  return paths;
};

export const changeSome = (paths, every) => {
  for (let n = 0; n < paths.length; n += every) appendFileSync(paths[n], '\nchanged\n');
};
