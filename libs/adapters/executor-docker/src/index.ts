export { openDocker, type DockerDaemon } from './docker-client.ts';
export { createDockerExecutor, type DockerExecutorOptions } from './docker-executor.ts';
