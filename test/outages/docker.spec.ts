import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';
import { OwnDaemon } from '../daemons/own-daemon.ts';

const IMAGE = 'foldline-test/busybox:1';
const SERVICES = `services: [{ name: ${IMAGE}, command: [sleep, '600'] }]`;
const TEST_MS = 120_000;

const suite = (shared: string): void =>
  describe('a Docker daemon that ends while a job runs in a container', () => {
    const daemon = new OwnDaemon();
    let sandbox: Sandbox;
    beforeAll(async () => {
      daemon.up();
      daemon.has(IMAGE, shared);
      sandbox = await Sandbox.start({
        FOLDLINE_DOCKER_HOST: daemon.address,
        FOLDLINE_RUNNER_LEASE_SECONDS: '9',
        FOLDLINE_WARM_CONTAINERS: '0',
      });
    }, START_MS);
    afterAll(async () => {
      await sandbox.stop();
      daemon.down();
    }, START_MS);

    it.each([
      ['SIGTERM', 'alone', ''],
      ['SIGKILL', 'alone', ''],
      ['SIGTERM', 'with a service', SERVICES],
      ['SIGKILL', 'with a service', SERVICES],
    ] as const)(
      'by %s: the job %s fails for that, can be done anew when the daemon is back, and nothing is left',
      async (signal, _how, services) => {
        sandbox.commitOnly({
          '.codara-ci.yml': `work:
  image: ${IMAGE}
  ${services}
  script: ['echo it runs', 'if [ "$CI_JOB_ATTEMPT" = 1 ]; then sleep 600; fi']
`,
        });
        const { id } = await sandbox.trigger();
        const jobId = jobNamed(await sandbox.jobIs(id, 'work', 'running'), 'work').id;
        await until('its first line', async () => (await sandbox.log(jobId)).includes('it runs'));

        await daemon.end(signal);
        expect(jobNamed(await sandbox.rested(id), 'work').reason).toBe('docker_unavailable');

        daemon.up();
        await sandbox.client.post(`/api/${PROJECT}/jobs/${jobId}/retry`);
        const pipeline = await sandbox.rested(id, ({ status, jobs }) => status !== 'running' && jobs[0]!.attempt === 2);
        expect(pipeline.status).toBe('success');
        await until('nothing to be left', async () => (await daemon.containers()).length === 0);
      },
      TEST_MS,
    );

    it(
      'a job that its policy retries for that waits for the daemon, instead of failing a second time',
      async () => {
        sandbox.commitOnly({
          '.codara-ci.yml': `work:
  image: ${IMAGE}
  retry: { max: 1, when: docker_unavailable }
  script: ['echo it runs', 'if [ "$CI_JOB_ATTEMPT" = 1 ]; then sleep 600; fi']
`,
        });
        const { id } = await sandbox.trigger();
        const jobId = jobNamed(await sandbox.jobIs(id, 'work', 'running'), 'work').id;
        await until('its first line', async () => (await sandbox.log(jobId)).includes('it runs'));

        await daemon.end('SIGTERM');
        await sandbox.waitsFor(id, 'work', 'no_docker');

        daemon.up();
        expect(await sandbox.rested(id)).toMatchObject({ status: 'success', jobs: [{ attempt: 2 }] });
      },
      TEST_MS,
    );
  });

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
