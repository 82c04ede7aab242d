import type Docker from 'dockerode';

const BASE = 'foldline-test/busybox:1';

/** Images like that of busybox but for what a Dockerfile would say of them; `remove` takes them away again. */
export const madeImages = (client: () => Promise<Docker>) => {
  const made: string[] = [];
  return {
    like: async (name: string, ...changes: string[]): Promise<string> => {
      const docker = await client();
      const container = await docker.createContainer({ Image: BASE, Cmd: ['true'] });
      const image = `foldline-spec/${name}-${process.pid}:1`;
      const [repo, tag] = image.split(':');
      const { Id } = (await container.commit({ repo, tag, changes: changes.join('\n') })) as { Id: string };
      await container.remove();
      made.push(Id);
      return image;
    },
    remove: async (): Promise<void> => {
      const docker = await client();
      await Promise.all(made.map((image) => docker.getImage(image).remove({ force: true })));
    },
  };
};
