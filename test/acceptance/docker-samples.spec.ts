import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS, type PipelineAnswer } from '@foldline/client';
import { whenAsked, withRealServer } from '@foldline/testing';
import { DockerHub } from '../daemons/docker-hub.ts';
import { OwnDaemon } from '../daemons/own-daemon.ts';
import { outputOfJob } from './output.ts';
import { sample } from './samples.ts';

/** What the samples build: an app with a program `npm` that says what it was asked. */
const APP = {
  Dockerfile: `FROM busybox AS builder
RUN mkdir /app && printf '#!/bin/sh\\necho "npm $* of the image"\\n' > /app/npm && chmod +x /app/npm
FROM busybox AS runtime
COPY --from=builder /app/npm /bin/npm
`,
};
const TEST_MS = 120_000;

const suite = (shared: string): void =>
  withRealServer('FOLDLINE_TEST_REGISTRY', (registry) =>
    describe('the Docker samples, to the letter, on a daemon that reaches Docker Hub', () => {
      let hub: DockerHub;
      let daemon: OwnDaemon;
      let sandbox: Sandbox;
      beforeAll(async () => {
        hub = await DockerHub.open(registry);
        daemon = new OwnDaemon(hub.surroundings);
        daemon.up();
        for (const [image, name] of [
          ['foldline-test/busybox:1', 'busybox:latest'],
          ['foldline-test/docker:1', 'docker:latest'],
        ] as const) {
          daemon.has(image, shared);
          await daemon.docker('tag', image, name);
          await daemon.docker('push', name);
          await daemon.docker('rmi', image, name);
        }
        sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: daemon.address, FOLDLINE_DOCKER_IN_JOBS: 'shared' });
      }, TEST_MS);
      afterAll(async () => {
        await sandbox?.stop();
        daemon?.down();
        hub?.close();
      }, START_MS);

      const run = async (name: string): Promise<PipelineAnswer> => {
        sandbox.commitOnly({ ...APP, '.codara-ci.yml': sample(name) });
        return sandbox.rested((await sandbox.trigger()).id);
      };
      const digestOf = async (name: string, tag: string): Promise<string | null> => {
        const url = `http://${registry}/v2/library/${name}/manifests/${tag}`;
        const headers = { accept: 'application/vnd.docker.distribution.manifest.v2+json' };
        return (await fetch(url, { method: 'HEAD', headers })).headers.get('docker-content-digest');
      };

      it(
        'S0-11 docker-build has its image from Docker Hub, and pushes what it builds there',
        async () => {
          const pipeline = await run('S0-docker');
          expect(pipeline.status).toBe('success');
          expect(await digestOf('myapp', pipeline.sha)).toMatch(/^sha256:/);
        },
        TEST_MS,
      );

      it(
        'S0-12 the multi-stage sample builds, runs its tests in what it built, and pushes it under two names',
        async () => {
          const pipeline = await run('S0-docker-multistage');
          expect(pipeline.status).toBe('success');
          expect(await outputOfJob(sandbox, pipeline, 'test')).toContain('npm test of the image');
          expect(await digestOf('app', pipeline.sha)).toMatch(/^sha256:/);
          expect(await digestOf('app', 'latest')).toBe(await digestOf('app', pipeline.sha));
        },
        TEST_MS,
      );
    }),
  );

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
