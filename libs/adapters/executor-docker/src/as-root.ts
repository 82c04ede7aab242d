import type Docker from 'dockerode';
import { SITE_ROOT, TransientError } from '@foldline/kernel';
import { containerOptions, type Belonging } from './container-options.ts';
import { removed } from './removed.ts';
import { bodyOf } from './service-container.ts';
import type { Slot } from './slot.ts';

type Errand = { image: string; command: readonly string[]; slot: Slot; belonging: Belonging };

/** Runs one program as root of a container of its own, which sees of the host what that of the job does. */
export const asRoot = async (docker: Docker, errand: Errand): Promise<void> => {
  const { image, command, slot, belonging } = errand;
  const [program = '', ...rest] = command;
  const mounts = [{ from: slot.builds, at: SITE_ROOT }];
  const options = containerOptions({ ...belonging, image, entrypoint: [program], mounts });
  const container = await docker.createContainer(bodyOf({ ...options, Cmd: rest, User: '0:0', OpenStdin: false }, {}));
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    if (StatusCode !== 0)
      throw new TransientError(`${command[0]} ended with exit code ${StatusCode} in a container of the image ${image}`);
  } finally {
    await removed(container);
  }
};
