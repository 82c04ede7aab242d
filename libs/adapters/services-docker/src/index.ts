export { createDockerServices } from './docker-services.ts';
export { noServices } from './no-services.ts';
