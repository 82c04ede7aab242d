import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  lstatSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../faults/lib/random.mjs';

/**
 * One step of a job: `resume-work.mjs <variant> <step> <file for marks>` changes the directory that it is started in, in
 * ways that carrying it out twice would show. `resume-work.mjs digest` tells what is in there.
 */
const CHANGES = 30;
const PLACES = ['a', 'b/c', 'b/d', 'src/main', 'node_modules/dep', 'node_modules/dep/deep', 'x.d'];

const paths = (random) => `${random.pick(PLACES)}/${random.below(6)}`;

const clear = (path) => {
  // What is in the way is replaced: a file where a directory has to be, a directory where a file has to be.
  for (let above = dirname(path); above !== '.'; above = dirname(above))
    if (lstatSync(above, { throwIfNoEntry: false })?.isDirectory() === false) rmSync(above);
  mkdirSync(dirname(path), { recursive: true });
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) rmSync(path, { recursive: true, force: true });
};

const KINDS = {
  append: (path, random) => {
    clear(path);
    appendFileSync(path, `${random.id()}\n`);
  },
  write: (path, random) => {
    clear(path);
    writeFileSync(path, random.id().repeat(random.between(1, 9000)));
  },
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  removeAll: (path) => rmSync(dirname(path), { recursive: true, force: true }),
  link: (path, random) => {
    clear(path);
    rmSync(path, { force: true });
    symlinkSync(random.pick(['/usr/bin/env', '../nowhere', '.']), path);
  },
  mode: (path, random) => {
    clear(path);
    appendFileSync(path, '');
    chmodSync(path, random.pick([0o644, 0o600, 0o755, 0o444]));
  },
  directory: (path) => {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  },
  move: (path, random) => {
    clear(path);
    appendFileSync(path, 'moved\n');
    const target = `moved/${random.below(4)}`;
    mkdirSync('moved', { recursive: true });
    rmSync(target, { recursive: true, force: true });
    renameSync(path, target);
  },
};

const work = async (variant, step, marks) => {
  appendFileSync(marks, `${step}\n`);
  const random = createRandom(variant, `step ${step}`);
  for (let n = 0; n < CHANGES; n += 1) {
    const kind = random.pick(Object.keys(KINDS));
    const path = paths(random);
    // A directory that another change has made of a part of the path is in nobody's way.
    const part = dirname(path).split('/')[0];
    if (lstatSync(part, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(part);
    KINDS[kind](path, random);
    await sleep(3);
  }
};

/** Kind, mode and content of everything but the history of the repository, whose files tell times. */
const entriesIn = (directory) =>
  readdirSync(directory)
    .toSorted()
    .filter((name) => name !== '.git')
    .flatMap((name) => {
      const path = join(directory, name);
      const entry = lstatSync(path);
      if (entry.isSymbolicLink()) return [`${path} link ${readlinkSync(path)}`];
      const mode = (entry.mode & 0o777).toString(8);
      if (entry.isDirectory()) return [`${path} directory ${mode}`, ...entriesIn(path)];
      return [`${path} file ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`];
    });

const [what, ...rest] = process.argv.slice(2);
if (what === 'list') process.stdout.write(`${entriesIn('.').join('\n')}\n`);
else await work(what, ...rest);
