import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';
import { outputOfJob } from './output.ts';

const CLIENT = 'foldline-test/docker:1';
const DOCKERFILE = `FROM foldline-test/busybox:1 AS builder
RUN mkdir /app && echo "made by a job" > /app/made
FROM foldline-test/busybox:1 AS runtime
COPY --from=builder /app /app
CMD ["cat", "/app/made"]
`;

/** Its client and busybox are there for jobs, too. */
const DIND = 'foldline-test/docker:dind';
const OWN = `
  image: ${DIND}
  services: [{ name: '${DIND}', alias: docker }]`;
const FROM_SCRATCH = `FROM scratch
COPY bin /bin
RUN echo "made by a job" > /made && mkdir /www && echo "served by it" > /www/index.html
CMD ["cat", "/made"]
`;
const BUILD = `
    - mkdir bin && cp /bin/busybox bin/ && for each in sh cat id echo mkdir httpd wget; do ln -s busybox bin/$each; done
    - docker build -t own-app:$CI_COMMIT_SHA .`;

const suite = (daemon: string): void => {
  const docker = (...args: string[]): string =>
    execFileSync('/usr/bin/docker', ['-H', daemon, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
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

  describe('a runner that gives each pipeline a Docker daemon of its own', () => {
    let sandbox: Sandbox;
    const start = async (): Promise<void> => {
      sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon, FOLDLINE_DOCKER_IN_JOBS: 'isolated' });
    };
    beforeAll(start, START_MS);
    afterAll(() => sandbox.stop(), START_MS);

    const triggered = async (definition: string): Promise<string> => {
      sandbox.commitOnly({ Dockerfile: FROM_SCRATCH, '.codara-ci.yml': definition });
      return (await sandbox.trigger()).id;
    };
    const ran = async (definition: string): Promise<PipelineAnswer> => sandbox.rested(await triggered(definition));
    const lines = (...args: string[]): string[] =>
      docker(...args)
        .split('\n')
        .filter(Boolean);
    const daemonsOf = (pipelineId: string): string[] =>
      lines('ps', '-aq', '--no-trunc', '--filter', `name=foldline-${pipelineId}-docker-`);
    const instanceOf = (container: string): string =>
      docker('inspect', '-f', '{{ index .Config.Labels "foldline.instance" }}', container);
    const leftOf = (instance: string): string[] =>
      [
        ['ps', '-aq'],
        ['network', 'ls', '-q'],
        ['volume', 'ls', '-q'],
      ].flatMap((kind) => lines(...kind, '--filter', `label=foldline.instance=${instance}`));
    const imageOf = async (pipeline: PipelineAnswer, name: string): Promise<string> => {
      const path = `/api/${PROJECT}/jobs/${jobNamed(pipeline, name).id}`;
      type Answer = { container?: { images: { id: string }[] } };
      const told = async () => (await sandbox.client.get<Answer>(path)).container?.images[0]?.id;
      return until('its image to be told', told);
    };

    it(
      'S0-11, S0-12 builds in one job, runs it in another, and runs jobs and services in it, and keeps it from others',
      async () => {
        const pipeline = await ran(`stages: [build, test]
build:${OWN}
  stage: build
  script:${BUILD}
runs-it:${OWN}
  stage: test
  script: docker run --rm own-app:$CI_COMMIT_SHA
publishes:${OWN}
  stage: test
  script:
    - docker run -d -p 8080:8080 own-app:$CI_COMMIT_SHA httpd -f -p 8080 -h /www
    - until busybox wget -q -O - http://docker:8080/; do sleep 0.1; done
is-in-it:
  stage: test
  image: own-app:$CI_COMMIT_SHA
  script: cat /made
beside-it:
  stage: test
  image: foldline-test/busybox:1
  services: [{ name: 'own-app:$CI_COMMIT_SHA', alias: page, command: [httpd, -f, -p, '8080', -h, /www] }]
  script: until wget -q -O - http://page:8080/; do sleep 0.1; done
`);
        expect(pipeline.status).toBe('success');
        for (const name of ['runs-it', 'is-in-it'])
          expect(await outputOfJob(sandbox, pipeline, name)).toContain('made by a job');
        for (const name of ['publishes', 'beside-it'])
          expect(await outputOfJob(sandbox, pipeline, name)).toContain('served by it');
        expect(daemonsOf(pipeline.id)).toHaveLength(1);
        const handed = await imageOf(pipeline, 'is-in-it');
        expect(docker('inspect', '-f', '{{ .RepoTags }}', handed)).toBe('[]');

        const other = await ran(`asks:${OWN}
  script: test -z "$(docker images -q)"
is-in-it:
  image: own-app:${sandbox.git('rev-parse', 'HEAD')}
  script: cat /made
`);
        expect(jobNamed(other, 'asks').status).toBe('success');
        expect(jobNamed(other, 'is-in-it')).toMatchObject({
          status: 'failed',
          reason: expect.stringMatching(/^image_/),
        });

        const [container] = daemonsOf(pipeline.id);
        const instance = instanceOf(container!);
        await sandbox.stop();
        expect(leftOf(instance)).toEqual([]);
        expect(() => docker('inspect', handed)).toThrow();
        await start();
      },
      START_MS,
    );

    it('has one for jobs that begin at the same time', async () => {
      const both = `${OWN}
  script: docker info -f '{{ .ID }}'`;
      const pipeline = await ran(`one:${both}\ntwo:${both}\n`);
      expect(pipeline.status).toBe('success');
      expect(await outputOfJob(sandbox, pipeline, 'one')).toBe(await outputOfJob(sandbox, pipeline, 'two'));
      expect(daemonsOf(pipeline.id)).toHaveLength(1);
    });

    it(
      'and is killed leaves nothing when it is back',
      async () => {
        const id = await triggered(`stages: [build, test]
build:${OWN}
  stage: build
  script:${BUILD}
waits:
  stage: test
  image: own-app:$CI_COMMIT_SHA
  script: ['echo it runs', 'while :; do sleep 1; done']
`);
        const pipeline = await sandbox.jobIs(id, 'waits', 'running');
        await until('its first line', async () =>
          (await sandbox.log(jobNamed(pipeline, 'waits').id)).includes('it runs'),
        );
        const [container] = daemonsOf(id);
        const instance = instanceOf(container!);
        const handed = await imageOf(pipeline, 'waits');
        await sandbox.server.kill();
        expect(leftOf(instance)).not.toEqual([]);
        await sandbox.restart();
        await until('what it left to be gone', () => leftOf(instance).length === 0);
        await until('its image to be gone', () => !lines('images', '-aq', '--no-trunc').includes(handed));
      },
      START_MS,
    );
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
