import { ImageFailure, type Images } from '@foldline/kernel';

const refuse = (): Promise<never> =>
  Promise.reject(
    new ImageFailure('needs_docker', 'images need a Docker daemon, and FOLDLINE_DOCKER_HOST names none here'),
  );

/** Where there is no daemon: everything fails, and says so. */
export const noImages: Images = { build: refuse, push: refuse, pull: refuse, tag: refuse, find: refuse };
