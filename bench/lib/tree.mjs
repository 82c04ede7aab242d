import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../test/faults/lib/random.mjs';

const WORDS = Array.from({ length: 4096 }, (_, n) =>
  createHash('sha256')
    .update(String(n))
    .digest('base64')
    .slice(0, 4 + (n % 9)),
);

/** Text that compresses about as programs do. */
const textOf = (bytes, { below }) => {
  const parts = [];
  for (let length = 0; length < bytes;) {
    const word = WORDS[below(below(2) === 0 ? 4096 : 64)];
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(' ').slice(0, bytes);
};

/** Files as a package manager leaves them: most are small, a few are large, ten or so to a directory. Answers their paths. */
export const makeTree = (root, { files, bytes }) => {
  const random = createRandom(1, 'tree');
  const mean = bytes / files;
  const paths = [];
  for (let n = 0; n < files; n += 1) {
    const directory = join(root, 'node_modules', `package-${n % 600}`, `lib-${Math.floor(n / 600) % 5}`);
    const size = n % 100 === 0 ? mean * 50 : mean * (0.01 * random.below(100));
    mkdirSync(directory, { recursive: true });
    paths.push(join(directory, `module-${n}.js`));
    writeFileSync(paths.at(-1), textOf(Math.floor(size), random));
  }
  return paths;
};

/** One file of so many, large and small ones alike. */
export const changeSome = (paths, every) => {
  const random = createRandom(1, 'changes');
  for (const path of paths) if (random.below(every) === 0) appendFileSync(path, '\nchanged\n');
};
