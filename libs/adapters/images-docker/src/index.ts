export { createDockerImages } from './docker-images.ts';
export { noImages } from './no-images.ts';
