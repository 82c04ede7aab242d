import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Settings } from '@foldline/kernel';
import { builtProgram } from '../threads/built-program.ts';
import { ThreadClient } from '../threads/thread-client.ts';
import type { LayerOperation, SavedTree } from './tree-operations.ts';
import { LocalFiles } from './local-files.ts';
import { MountedLayers } from './mounted-layers.ts';
import { mayMount } from './mounts.ts';

export type LayerOptions = {
  directory: string;
  settings: Settings['layers'];
  clock: Clock;
  logger: Logger;
  /** What does the long work; it is closed with the trees. */
  thread?: LayerThread;
};
export type LayerThread = Pick<ThreadClient<LayerOperation, SavedTree | undefined>, 'perform' | 'close'>;

export const startLayerThread = (): LayerThread =>
  new ThreadClient({
    program: builtProgram(import.meta.url, 'layers', 'layer.worker.js'),
    doing: 'restore or save a tree',
  });

/** What the attempts of a process share to restore and save trees as layers. */
export class TreeLayers {
  readonly files: LocalFiles;
  readonly mounted: MountedLayers;
  readonly clock: Clock;
  readonly logger: Logger;
  private readonly thread: LayerThread;
  private readonly directory: string;
  private readonly mounts: boolean;
  private allowed: Promise<boolean> | undefined;

  constructor({ directory, settings, clock, logger, thread = startLayerThread() }: LayerOptions) {
    this.directory = join(directory, 'runners', 'layers');
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.files = new LocalFiles(join(this.directory, 'files'), settings.diskBytes);
    this.mounted = new MountedLayers(this.directory, this.files);
    this.mounts = settings.mounts;
    this.clock = clock;
    this.logger = logger;
    this.thread = thread;
  }

  /** Whether trees are mounted here; where they may not be, they are unpacked. */
  mayMount(): Promise<boolean> {
    this.allowed ??= this.mounts ? mayMount(this.directory) : Promise.resolve(false);
    return this.allowed;
  }

  perform(operation: LayerOperation): Promise<SavedTree | undefined> {
    return this.thread.perform(operation);
  }

  /** A place for what is being written, on the file system of `files`. */
  scratch(name: string): string {
    return join(this.directory, 'files', name);
  }

  async close(): Promise<void> {
    await this.thread.close();
    await this.mounted.close();
  }
}
