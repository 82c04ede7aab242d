import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { Logger } from '@foldline/kernel';
import { systemClock } from '@foldline/host';
import { TreeLayers, startLayerThread, type LayerThread } from './tree-layers.ts';
import { WorkspaceLayers } from './workspace-layers.ts';

const nothing = (): void => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What `Workspaces` needs besides directory and repositories. */
export const LAYER_OPTIONS = { settings: { mounts: false, diskBytes: 2 ** 30 }, clock: systemClock, logger };

/** One for all tests of a file: to start one takes much longer than what most tests have done. */
let started: LayerThread | undefined;
const thread: LayerThread = {
  perform: (operation) => (started ??= startLayerThread()).perform(operation),
  close: async () => undefined,
};
afterAll(async () => {
  await started?.close();
  started = undefined;
});

export const openLayers = (directory: string, settings: Partial<typeof LAYER_OPTIONS.settings> = {}): TreeLayers =>
  new TreeLayers({ ...LAYER_OPTIONS, thread, directory, settings: { ...LAYER_OPTIONS.settings, ...settings } });

/** The trees of one workspace, which lies in a directory of its own. */
export const layersOf = (layers: TreeLayers, workspace: string, scratch = `${workspace}.scratch`): WorkspaceLayers =>
  new WorkspaceLayers(layers, { workspace, scratch, name: workspace.replaceAll('/', '-') }, true);

/** For jobs that have no caches. */
export const layersIn = (directory: string): WorkspaceLayers =>
  layersOf(openLayers(directory), join(directory, 'workspace'));

export const write = (root: string, path: string, text = path): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

/** Every path with what is there: permissions, content or target. */
export const seen = (root: string, below = ''): Record<string, string> =>
  Object.assign(
    {},
    ...readdirSync(join(root, below))
      .toSorted()
      .map((name): Record<string, string> => {
        const path = below === '' ? name : `${below}/${name}`;
        const stats = lstatSync(join(root, path));
        if (stats.isSymbolicLink()) return { [path]: `-> ${readlinkSync(join(root, path))}` };
        const mode = (stats.mode & 0o777).toString(8);
        if (stats.isDirectory()) return { [path]: `directory ${mode}`, ...seen(root, path) };
        return { [path]: `${mode} ${readFileSync(join(root, path), 'utf8')}` };
      }),
  );

/** Does one thing to a path, where that can be done. */
export const changeSomething = (root: string, kind: string, at: string, text: string): void => {
  const file = join(root, at);
  if (!isReachable(root, at)) return;
  const stats = lstatSync(file, { throwIfNoEntry: false });
  const isInTheWay = kind === 'write' && stats !== undefined && !stats.isFile();
  if (kind === 'remove' || isInTheWay) rmSync(file, { recursive: true, force: true });
  if (kind === 'write') write(root, at, text);
  if (kind === 'append' && stats?.isFile()) appendFileSync(file, '!');
  if (kind === 'directory' && !stats) mkdirSync(file, { recursive: true });
  if (kind === 'mode' && stats && !stats.isSymbolicLink()) chmodSync(file, stats.isDirectory() ? 0o750 : 0o711);
};

/** No file is in the way. */
const isReachable = (root: string, path: string): boolean =>
  path
    .split('/')
    .slice(0, -1)
    .every((_, at, segments) => {
      const stats = lstatSync(join(root, ...segments.slice(0, at + 1)), { throwIfNoEntry: false });
      return !stats || stats.isDirectory();
    });
