import { join } from 'node:path';
import type { Logger } from '@foldline/kernel';
import { systemClock } from '@foldline/host';
import { TreeLayers } from './tree-layers.ts';
import { WorkspaceLayers } from './workspace-layers.ts';

const nothing = (): void => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What `Workspaces` needs besides directory and repositories. */
export const LAYER_OPTIONS = { settings: { mounts: false, diskBytes: 2 ** 30 }, clock: systemClock, logger };

export const openLayers = (directory: string, settings: Partial<typeof LAYER_OPTIONS.settings> = {}): TreeLayers =>
  new TreeLayers({ ...LAYER_OPTIONS, directory, settings: { ...LAYER_OPTIONS.settings, ...settings } });

/** The trees of one workspace, which lies in a directory of its own. */
export const layersOf = (layers: TreeLayers, workspace: string, scratch = `${workspace}.scratch`): WorkspaceLayers =>
  new WorkspaceLayers(layers, { workspace, scratch, name: workspace.replaceAll('/', '-') }, true);

/** For jobs that have no caches. */
export const layersIn = (directory: string): WorkspaceLayers =>
  layersOf(openLayers(directory), join(directory, 'workspace'));
