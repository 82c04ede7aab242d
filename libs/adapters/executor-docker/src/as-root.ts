import type Docker from 'dockerode';
import { SITE_ROOT, TransientError } from '@foldline/kernel';
import { containerOptions } from './container-options.ts';
import type { Making } from './pieces.ts';
import { removed } from './removed.ts';
import { bodyOf } from './service-container.ts';
import type { Slot } from './slot.ts';

type Errand = { image: string; command: readonly string[]; slot: Slot; making: Making };

/** Runs one program as root of a container of its own, which sees of the host what that of the job does. */
export const asRoot = async (docker: Docker, errand: Errand): Promise<void> => {
  const { image, command, slot, making } = errand;
  const [program = '', ...rest] = command;
  const mounts = [{ from: slot.builds, at: SITE_ROOT }];
  const piece = making.begin();
  const { labels } = piece;
  const options = containerOptions({ ...making, labels, image, entrypoint: [program], mounts });
  const body = bodyOf({ ...options, Cmd: rest, User: '0:0', OpenStdin: false }, {});
  const container = await docker.createContainer(body).catch((error: unknown) => {
    piece.lost();
    throw error;
  });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    if (StatusCode !== 0)
      throw new TransientError(`${command[0]} ended with exit code ${StatusCode} in a container of the image ${image}`);
  } finally {
    await piece.removing(() => removed(container));
  }
};
