import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';
import { outputOfJob } from './output.ts';

const IMAGE = 'foldline-test/busybox:1';

const suite = (daemon: string): void => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon });
    const file = { key: 'CONFIG', value: 'level: high', variable_type: 'file' };
    await sandbox.client.post(`/api/${PROJECT}/variables`, file);
  }, START_MS);
  afterAll(() => sandbox.stop(), START_MS);

  const containersOf = (jobId: string): string[] =>
    execFileSync('/usr/bin/docker', ['-H', daemon, 'ps', '--all', '--quiet', '--filter', `name=foldline-${jobId}.1-`], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter(Boolean);

  describe('a job with an image', () => {
    let pipeline: PipelineAnswer;
    beforeAll(async () => {
      pipeline = await sandbox.run(`stages: [build, test]
build:
  stage: build
  image: ${IMAGE}
  variables: { GREETING: "it's $CI_COMMIT_BRANCH" }
  script:
    - mkdir out && echo "$GREETING" > out/greeting
    - pwd && test "$PWD" = "$CI_PROJECT_DIR" && ls README.md
    - cat "$CONFIG"
    - test ! -e /usr/bin/git && echo nothing of the host
    - exit 3
  after_script: ['echo "after: $CI_JOB_STATUS in $(cat out/greeting)"']
  allow_failure: { exit_codes: [3] }
  artifacts: { paths: [out/], when: always }
test:
  stage: test
  script: cat out/greeting
`);
    }, START_MS);

    it('runs in it, with the commit, its variables and its files', async () => {
      const output = await outputOfJob(sandbox, pipeline, 'build');
      expect(output).toContain('/builds/');
      expect(output).toContain('README.md');
      expect(output).toContain('level: high');
      expect(output).toContain('nothing of the host');
    });

    it('ends with the exit code of its script, after after_script has run in the same container', async () => {
      expect(jobNamed(pipeline, 'build')).toMatchObject({ status: 'failed', exitCode: 3, reason: 'script_failure' });
      expect(await outputOfJob(sandbox, pipeline, 'build')).toContain("after: failed in it's main");
    });

    it('hands artifacts on to a job that runs as a process', async () => {
      expect(pipeline.status).toBe('success');
      expect(await outputOfJob(sandbox, pipeline, 'test')).toContain("it's main");
    });

    it('leaves no container', () =>
      until('its container to be gone', () => containersOf(jobNamed(pipeline, 'build').id).length === 0));
  });

  const running = async (script: string): Promise<{ id: string; jobId: string }> => {
    sandbox.commitOnly({ '.codara-ci.yml': `long:\n  image: ${IMAGE}\n  script: ${script}\n` });
    const { id } = await sandbox.trigger();
    const jobId = jobNamed(await sandbox.jobIs(id, 'long', 'running'), 'long').id;
    await until('its first line', async () => (await sandbox.log(jobId)).includes('it runs'));
    return { id, jobId };
  };

  it('a job that is cancelled says goodbye, and its container is gone', async () => {
    const { id, jobId } = await running(
      `"trap 'echo goodbye; exit 1' TERM; echo it runs; while :; do sleep 0.1; done"`,
    );
    await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
    const pipeline = await sandbox.rested(id);
    expect(pipeline.status).toBe('cancelled');
    expect(await sandbox.log(jobId)).toContain('goodbye');
    await until('its container to be gone', () => containersOf(jobId).length === 0);
  });

  it('a job whose server is killed is done anew when the server is back, and leaves no container', async () => {
    const { id, jobId } = await running('echo it runs; sleep 600');
    // One that was waiting is called after its job a moment later.
    await until('its container', () => containersOf(jobId).length === 1);
    await sandbox.server.kill();
    await sandbox.restart();
    await sandbox.rested(id, ({ jobs }) => jobs[0]!.attempt === 2 && jobs[0]!.status === 'running');
    expect(containersOf(jobId)).toEqual([]);
    await sandbox.client.post(`/api/${PROJECT}/pipelines/${id}/cancel`);
    expect((await sandbox.rested(id)).status).toBe('cancelled');
  });

  describe('a job of several commands whose last one fails', () => {
    const told = async (
      id: string,
      first: string,
    ): Promise<{ status: string; resumedFrom?: number; output: string }[]> => {
      const steps = [
        { name: 'Make', run: first },
        { name: 'Fail', run: 'cat made; exit 1' },
      ];
      await sandbox.client.post('/jobs/submit', {
        id,
        repo: sandbox.repository,
        commit: 'main',
        image: IMAGE,
        retries: 1,
        steps,
      });
      const job = await until(`the second attempt of ${id} to end`, async () => {
        const found = await sandbox.client.get<{
          status: string;
          attempt: number;
          steps: Awaited<ReturnType<typeof told>>;
        }>(`/jobs/status?id=${id}`);
        return found.status === 'failure' && found.attempt === 2 && found;
      });
      return job.steps;
    };

    it('goes on in a new container behind the one that went well', async () => {
      const [make, fail] = await told('in-new-container', 'echo made > made');
      expect(make).toMatchObject({ resumedFrom: 1 });
      expect(fail!.output).toContain('made');
    });

    it('carries out again what has changed the container itself', async () => {
      const [make] = await told('installs', 'echo made > made; touch /bin/tool');
      expect(make).toMatchObject({ status: 'success' });
      expect(make).not.toHaveProperty('resumedFrom');
      expect(make!.output).toContain('touch /bin/tool');
    });
  });

  it('a job whose image cannot be had fails for that, and not as its own failure', async () => {
    const pipeline = await sandbox.run('lost:\n  image: 127.0.0.1:9/none:1\n  script: make\n');
    const [job] = pipeline.jobs;
    expect(job).toMatchObject({ status: 'failed', reason: 'image_pull_failure' });
  });

  it('a job finds its repository in its container: git knows the commit, and that nothing has changed', async () => {
    const script = ['git status --porcelain', 'git log --format=%H', 'git describe --always'];
    const pipeline = await sandbox.run(`git: { image: 'foldline-test/debian:1', script: ${JSON.stringify(script)} }\n`);
    expect(pipeline.status).toBe('success');
    expect((await outputOfJob(sandbox, pipeline, 'git')).split('\n')).toContain(pipeline.sha);
  });

  it.each(['$NOTSET', '$REGISTRY/app:1', 'UPPER$NOTSET/x::y', 'foo$NOTSET/../../../info', 'a$NOTSET//b'])(
    'a job whose image is %s, which names none, fails for that, and the server goes on',
    async (image) => {
      const pipeline = await sandbox.run(`nowhere: { image: '${image}', script: echo it runs }\n`);
      expect(pipeline.jobs[0]).toMatchObject({ status: 'failed', reason: 'config_error' });
      expect(pipeline.jobs[0]!.detail).toContain(image);
    },
  );

  it('a job with an image waits for a runner with Docker, says so, and starts when there is one', async () => {
    const socket = join(mkdtempSync(join(tmpdir(), 'foldline-docker-')), 'docker.sock');
    const settings = { FOLDLINE_DOCKER_HOST: `unix://${socket}`, FOLDLINE_RUNNER_LEASE_SECONDS: '9' };
    const without = await Sandbox.start(settings);
    try {
      without.commitOnly({ '.codara-ci.yml': `waits:\n  image: ${IMAGE}\n  script: echo it runs\n` });
      const { id } = await without.trigger();
      await without.waitsFor(id, 'waits', 'no_docker');
      symlinkSync(new URL(daemon).pathname, socket);
      expect((await without.rested(id)).status).toBe('success');
    } finally {
      await without.stop();
    }
    rmSync(dirname(socket), { recursive: true });
  });

  it('a job that takes more memory than it asked for is told from one that ends with the same code', async () => {
    const pipeline = await sandbox.run(`hog:
  image: ${IMAGE}
  resources: { memory: 32MiB }
  script: head -c 200m /dev/zero | tail > /dev/null
exits:
  image: ${IMAGE}
  resources: { memory: 32MiB }
  script: exit 137
`);
    expect(jobNamed(pipeline, 'hog')).toMatchObject({ status: 'failed', exitCode: 137, reason: 'out_of_memory' });
    expect(jobNamed(pipeline, 'exits')).toMatchObject({ status: 'failed', exitCode: 137, reason: 'script_failure' });
  });

  it('a job that fills the disk is ended, whether in its workspace or elsewhere', async () => {
    const pipeline = await sandbox.run(`fills:
  image: ${IMAGE}
  resources: { disk: 20MB }
  script: ['head -c 100m /dev/zero > filled', 'sleep 600']
elsewhere:
  image: ${IMAGE}
  resources: { disk: 20MB }
  script: ['head -c 100m /dev/zero > /filled', 'sleep 600']
`);
    for (const name of ['fills', 'elsewhere'])
      expect(jobNamed(pipeline, name)).toMatchObject({ status: 'failed', reason: 'out_of_disk' });
  });

  it('a job with services reaches them by name, with the variables that they were given', async () => {
    const pipeline = await sandbox.run(`served:
  image: ${IMAGE}
  variables: { LEVEL: high }
  services:
    - name: ${IMAGE}
      alias: page
      variables: { WHOM: 'them at $LEVEL' }
      command: [sh, -c, 'mkdir /www; echo "served to $WHOM" > /www/index.html; exec httpd -f -p 8080 -h /www']
  script: until wget -q -O - http://page:8080/; do sleep 0.1; done
`);
    expect(pipeline.status).toBe('success');
    expect(await outputOfJob(sandbox, pipeline, 'served')).toContain('served to them at high');
    const job = await sandbox.client.get<{ container: object }>(
      `/api/${PROJECT}/jobs/${jobNamed(pipeline, 'served').id}`,
    );
    const ofImage = { image: IMAGE, id: expect.stringMatching(/^sha256:/) };
    expect(job.container).toEqual({ attempt: 1, start: 'cold', images: [ofImage, ofImage] });
  });

  it('a job is of the image that an earlier one has named', async () => {
    const pipeline = await sandbox.run(`stages: [build, test]
build:
  stage: build
  script: echo "TESTED=${IMAGE}" > names.env
  artifacts: { reports: { dotenv: names.env } }
test:
  stage: test
  image: $TESTED
  script: test ! -e /usr/bin/git
`);
    expect(pipeline.status).toBe('success');
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
