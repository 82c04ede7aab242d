import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  expandVariables,
  ImageBuildAdvanced,
  ImageBuilt,
  ImageBuildStarted,
  ImagePushed,
  type PlannedImage,
} from '@foldline/contracts';
import {
  ImageFailure,
  loginsIn,
  namesHelpers,
  HELPERS_NOT_ASKED,
  REGISTRY_LOGINS,
  type Images,
  type RegistryLogins,
  type Slots,
} from '@foldline/kernel';
import type { JobResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';
import type { TimeLimit } from './time-limit.ts';

/** What a process has for images: so many are built at once, and more wait for their turn. */
export type ImageTools = { images: Images; turns: Slots };

const TENTH = 10;

/** Builds the image of a job from its checkout and brings it to its registries. */
export class ImageStep {
  private readonly stopping = new AbortController();
  private told = 0;

  constructor(
    private readonly scene: JobScene,
    private readonly tools: ImageTools,
    private readonly limit: Pick<TimeLimit, 'pause' | 'resume'>,
    private readonly output: (chunk: Buffer) => Promise<void>,
  ) {}

  /** What is under way is given up; nothing of it is left behind but layers that the next build may use. */
  stop(): void {
    this.stopping.abort();
  }

  /** A build that fails is a result. What comes of one that was stopped is for whoever stopped it. */
  async run(image: PlannedImage): Promise<JobResult> {
    const { signal } = this.stopping;
    // Waiting for one's turn takes nothing of the job's time.
    this.limit.pause();
    const onWait = (): void => this.scene.tell('Waiting for its turn to be built');
    try {
      await this.tools.turns.use(() => this.built(image), { signal, onWait });
      return { outcome: 'success' };
    } catch (error) {
      if (signal.aborted) return { outcome: 'cancelled', reason: 'cancelled' };
      if (!(error instanceof ImageFailure)) throw error;
      return { outcome: 'failed', reason: error.reason, detail: this.scene.hide(error.message) };
    } finally {
      this.limit.resume();
    }
  }

  private async built(image: PlannedImage): Promise<void> {
    const { scene, tools, output } = this;
    const { about, variables, buildLog } = scene;
    const { build, platform, network, tags, pushes, cacheFrom } = image;
    const { signal } = this.stopping;
    signal.throwIfAborted();
    this.limit.resume();
    scene.record(ImageBuildStarted({ ...about, build, ...(buildLog !== undefined && { logPath: buildLog }) }));
    const logins = loginsIn(variables[REGISTRY_LOGINS]);
    if (namesHelpers(variables[REGISTRY_LOGINS])) scene.warn(HELPERS_NOT_ASKED);
    const args = Object.fromEntries(
      Object.entries(image.args).map(([name, value]) => [name, expandVariables(value, variables)]),
    );
    const place = await placeIn(scene.workspace, image);
    scene.tell(`Building ${tags[0]} for ${platform}`);
    const work = { onOutput: output, onProgress: (percent: number) => this.advance(percent), signal };
    const spec = { ...place, args, platform, network, tags, cacheFrom, logins };
    const { imageId } = await tools.images.build(spec, work);
    scene.record(ImageBuilt({ ...about, build, imageId, tags }));
    for (const reference of pushes) await this.push(image, reference, logins);
  }

  private async push({ build, tags }: PlannedImage, reference: string, logins: RegistryLogins): Promise<void> {
    const { scene, tools, output } = this;
    const { signal } = this.stopping;
    scene.tell(`Pushing ${reference}`);
    await tools.images.tag(tags[0]!, reference);
    const { digest } = await tools.images.push(reference, logins, { onOutput: output, signal });
    scene.record(ImagePushed({ ...scene.about, build, reference, digest }));
  }

  /** Told in tenths: events are for ever, and what happens between two of them the log tells. */
  private advance(percent: number): void {
    const tenths = Math.floor(percent / TENTH) * TENTH;
    if (tenths <= this.told) return;
    this.told = tenths;
    this.scene.record(ImageBuildAdvanced({ ...this.scene.about, percent: tenths }));
  }
}

/**
 * The directory that is built, and its Dockerfile. Links in the repository could lead anywhere on the host: whatever
 * they lead to must lie in the checkout.
 */
const placeIn = async (
  workspace: string,
  { contextPath, dockerfile }: PlannedImage,
): Promise<{ context: string; dockerfile: string }> => {
  const root = await realpath(workspace);
  const inside = async (path: string): Promise<string | undefined> => {
    const found = await realpath(join(root, path)).catch(() => undefined);
    return found !== undefined && (found === root || found.startsWith(root + sep)) ? found : undefined;
  };
  const context = await inside(contextPath);
  if (context === undefined || !(await stat(context)).isDirectory())
    throw new ImageFailure('dockerfile_missing', `the commit has no directory ${contextPath} to build`);
  const file = await inside(join(contextPath, dockerfile));
  if (file !== undefined && (await stat(file)).isFile()) return { context, dockerfile };
  throw new ImageFailure(
    'dockerfile_missing',
    `the commit has no Dockerfile ${dockerfile} in ${contextPath === '.' ? 'its root' : contextPath}`,
  );
};
