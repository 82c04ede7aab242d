import Docker from 'dockerode';
import { serviceDriverContract, whenAsked, withRealServer } from '@foldline/testing';
import { pack } from 'tar-stream';
import { createDockerServices } from './docker-services.ts';

const IMAGE = 'foldline-spec-service:1';
const DOCKERFILE = `FROM foldline-test/busybox:1
CMD ["sh", "-c", "trap 'exit 3' TERM; echo $GREETING; sleep 600 & wait"]
`;

const builtImage = async (docker: Docker): Promise<string> => {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, DOCKERFILE);
  context.finalize();
  const building = await docker.buildImage(context as unknown as NodeJS.ReadableStream, { t: IMAGE });
  await new Promise((resolve, reject) =>
    docker.modem.followProgress(building, (error, output) => (error ? reject(error) : resolve(output))),
  );
  return IMAGE;
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () =>
  withRealServer('FOLDLINE_TEST_DOCKER_HOST', (url) =>
    serviceDriverContract('of Docker', async () => {
      const docker = new Docker({ socketPath: new URL(url).pathname });
      const network = `foldline-spec-${process.pid}`;
      const open = () => createDockerServices(() => Promise.resolve(docker));
      return {
        driver: open(),
        reopen: open,
        network,
        image: await builtImage(docker),
        close: async () => {
          await docker
            .getNetwork(network)
            .remove()
            .catch(() => undefined);
        },
      };
    }),
  ),
);
