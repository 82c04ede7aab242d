import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';
import { outputOfJob } from './output.ts';

const CLIENT = 'foldline-test/docker:1';
const DOCKERFILE = `FROM foldline-test/busybox:1 AS builder
RUN mkdir /app && echo "made by a job" > /app/made
FROM foldline-test/busybox:1 AS runtime
COPY --from=builder /app /app
CMD ["cat", "/app/made"]
`;

const suite = (daemon: string): void => {
  const docker = (...args: string[]): string =>
    execFileSync('/usr/bin/docker', ['-H', daemon, ...args], { encoding: 'utf8' }).trim();
  const runOn = async (sandbox: Sandbox, definition: string): Promise<PipelineAnswer> => {
    sandbox.commitOnly({ Dockerfile: DOCKERFILE, '.codara-ci.yml': definition });
    return sandbox.rested((await sandbox.trigger()).id);
  };

  describe('a runner that gives jobs its Docker daemon', () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon, FOLDLINE_DOCKER_IN_JOBS: 'shared' });
    }, START_MS);
    afterAll(async () => {
      await sandbox.stop();
      for (const image of docker('images', '-q', 'spec-app').split('\n').filter(Boolean)) docker('rmi', '-f', image);
    }, START_MS);

    it('S0-11, S0-12 runs builds in a container with docker:dind, and later jobs find the image', async () => {
      const pipeline = await runOn(
        sandbox,
        `stages: [build, test]
docker-build:
  stage: build
  image: ${CLIENT}
  services: [docker:dind]
  variables: { DOCKER_HOST: 'tcp://docker:2376', DOCKER_TLS_VERIFY: '1' }
  script: docker build -t spec-app:$CI_COMMIT_SHA .
runs-it:
  stage: test
  image: ${CLIENT}
  services: [docker:dind]
  script: docker run --rm --network none spec-app:$CI_COMMIT_SHA
is-in-it:
  stage: test
  image: spec-app:$CI_COMMIT_SHA
  script: cat /app/made
`,
      );
      expect(pipeline.status).toBe('success');
      for (const name of ['runs-it', 'is-in-it'])
        expect(await outputOfJob(sandbox, pipeline, name)).toContain('made by a job');
    });

    it('S0-12 runs the multi-stage sample, whose jobs call docker on the host', async () => {
      const pipeline = await runOn(
        sandbox,
        `stages: [build, test, deploy]
build:
  stage: build
  script:
    - docker build --target builder -t spec-app:builder .
    - docker build --target runtime -t spec-app:\${CI_COMMIT_SHA} .
test:
  stage: test
  script: docker run --rm --network none spec-app:\${CI_COMMIT_SHA}
deploy:
  stage: deploy
  script: docker tag spec-app:\${CI_COMMIT_SHA} spec-app:latest
`,
      );
      expect(pipeline.status).toBe('success');
      expect(await outputOfJob(sandbox, pipeline, 'test')).toContain('made by a job');
      expect(docker('run', '--rm', '--network', 'none', 'spec-app:latest')).toBe('made by a job');
    });
  });

  it('S0-11 a runner that does not is told by name what it refuses', async () => {
    const sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon });
    try {
      const pipeline = await runOn(
        sandbox,
        `docker-build:\n  image: ${CLIENT}\n  services: [docker:dind]\n  script: docker info\n`,
      );
      const job = jobNamed(pipeline, 'docker-build');
      expect(job).toMatchObject({ status: 'failed', reason: 'docker_not_allowed' });
      expect(await sandbox.log(job.id)).toContain('FOLDLINE_DOCKER_IN_JOBS');
    } finally {
      await sandbox.stop();
    }
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
