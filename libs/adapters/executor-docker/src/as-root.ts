import type Docker from 'dockerode';
import { TransientError } from '@foldline/kernel';
import { LABEL } from './container-options.ts';
import { removed } from './removed.ts';

type Errand = { image: string; command: readonly string[]; directories: readonly string[]; instance: string };

/** Runs one program as root of a container of its own, which sees these directories where the host has them. */
export const asRoot = async (docker: Docker, errand: Errand): Promise<void> => {
  const { image, command, directories, instance } = errand;
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [command[0]!],
    Cmd: command.slice(1),
    User: '0:0',
    Labels: { [LABEL.instance]: instance },
    HostConfig: {
      NetworkMode: 'none',
      Mounts: directories.map((directory) => ({ Type: 'bind', Source: directory, Target: directory })),
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
      SecurityOpt: ['no-new-privileges'],
    },
  });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    if (StatusCode !== 0)
      throw new TransientError(`${command[0]} ended with exit code ${StatusCode} in a container of the image ${image}`);
  } finally {
    await removed(container);
  }
};
