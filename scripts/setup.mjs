// Makes the workspace ready to run and is quick when it is: checks Node, installs when node_modules is not what the lock
// file says, builds when a source has changed. It runs before every `npm start`, so it says nothing unless it does
// something, and what it says goes to standard error: standard output belongs to the command that follows. With
// `--keep-modules`, for a command that is of use while services run from here, nothing that is installed is replaced.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from './installed.mjs';
import { projectFolders, root } from './workspace.mjs';

const LEAST_NODE = [20, 19];
const INSTALLED = join(root, 'node_modules/.foldline-installed');
const BUNDLE = 'apps/standalone/bundle';
const BUILT = join(root, 'node_modules/.foldline-built');
const KEEPS_MODULES = process.argv.includes('--keep-modules');
const say = (text) => process.stderr.write(`${text}\n`);
const fail = (text) => {
  say(text);
  process.exit(1);
};
const run = (command, args, shell = false) =>
  spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell }).status === 0;
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const textOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  fail(`Foldline needs Node ${LEAST_NODE.join('.')} or newer; this is ${process.versions.node}.`);
};

const install = () => {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (textOf(INSTALLED) === lock || isInstalled(root)) return;
  if (KEEPS_MODULES && existsSync(join(root, 'node_modules')))
    fail(
      'node_modules is not what package-lock.json says. Installing takes it from under whatever runs from this directory: ' +
        'stop that, then `npm run setup`.',
    );
  say('Installing dependencies (npm ci) …');
  if (!run('npm', ['ci', '--ignore-scripts', '--loglevel=error'], process.platform === 'win32'))
    fail('npm ci failed. With a network connection, run `npm ci --ignore-scripts` and look at what it says.');
  writeFileSync(INSTALLED, lock);
};

/** When anything below a folder's source last changed; a folder changes when a file in it comes or goes. */
const newestIn = (directory) =>
  readdirSync(directory, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return Math.max(newest, newestIn(path));
    return entry.name.endsWith('.spec.ts') ? newest : Math.max(newest, modified(path));
  }, modified(directory));

const stateOfSources = (folders) =>
  String(
    Math.max(
      modified(join(root, 'tsconfig.json')),
      modified(join(root, 'tsconfig.base.json')),
      ...folders.flatMap((folder) => [
        modified(join(root, folder, 'tsconfig.json')),
        ...(existsSync(join(root, folder, 'src')) ? [newestIn(join(root, folder, 'src'))] : []),
      ]),
    ),
  );

const build = () => {
  const folders = projectFolders();
  const state = stateOfSources(folders);
  if (
    textOf(BUILT) === state &&
    [...folders.map((folder) => join(folder, 'dist')), BUNDLE].every((path) => existsSync(join(root, path)))
  )
    return;
  say('Building (tsc -b) …');
  if (!run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b']))
    fail('The build failed; what is wrong is listed above.');
  if (!run(process.execPath, [join(root, 'scripts/bundle.mjs')])) fail('The bundle could not be made; see above.');
  writeFileSync(BUILT, state);
};

checkNode();
install();
build();
