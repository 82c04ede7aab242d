import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ImageBuildSpec, ImageFailure, Images, RegistryLogins } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { createDockerImages } from './docker-images.ts';

const BASE = 'FROM foldline-test/busybox:1\n';
/** What was built before would not be built again. */
const ONCE = `${process.pid}-${Date.now()}`;
const TAG = `foldline-spec:${process.pid}`;
const NOBODY: RegistryLogins = new Map();

const suite = (url: string): void => {
  const socketPath = new URL(url).pathname;
  const docker = new Docker({ socketPath });
  const images = createDockerImages(() => Promise.resolve(docker));
  let context: string;
  let output: string;
  const progress: number[] = [];

  beforeEach(() => {
    context = mkdtempSync(join(tmpdir(), 'foldline-context-'));
    output = '';
    progress.length = 0;
  });
  afterEach(() => rmSync(context, { recursive: true, force: true }));
  afterAll(() => docker.getImage(TAG).remove({ force: true }));

  const put = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(context, name), text);
  };
  const work = (signal = new AbortController().signal) => ({
    onOutput: (text: Buffer) => void (output += text.toString()),
    onProgress: (percent: number) => void progress.push(percent),
    signal,
  });
  const build = (more: Partial<ImageBuildSpec> = {}, signal?: AbortSignal, of: Images = images) =>
    of.build(
      {
        context,
        dockerfile: 'Dockerfile',
        args: {},
        platform: 'linux/amd64',
        network: 'none',
        tags: [TAG],
        cacheFrom: [],
        logins: NOBODY,
        ...more,
      },
      work(signal),
    );
  const failure = async (building: Promise<unknown>): Promise<ImageFailure> => {
    const error = await building.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error as ImageFailure;
  };

  describe('an image', () => {
    it('is built of a directory, with arguments and readable output, and has its tags', async () => {
      put({
        Dockerfile: `${BASE}ARG WHO\nCOPY greeting /\nRUN echo "$WHO: $(cat greeting)"\n`,
        greeting: `hello ${ONCE}`,
      });
      const { imageId } = await build({ args: { WHO: 'ada' } });
      expect(output).toMatch(/#\d+ \d+\.\d{3} ada: hello \d+-\d+\n/);
      expect(await images.find(TAG)).toMatchObject({ id: imageId });
      expect(progress.at(-1)).toBe(100);
    });

    it('takes over what has not changed', async () => {
      put({ Dockerfile: `${BASE}RUN echo ${ONCE} > /file\n` });
      const first = await build();
      expect(await build()).toEqual(first);
      expect(output).toMatch(/#\d+ CACHED\n/);
    });

    it('holds nothing that .dockerignore leaves out, nor what a link leads to outside', async () => {
      put({
        Dockerfile: `${BASE}COPY . /all\nRUN : ${ONCE}; ls -a /all && cat /all/link\n`,
        '.dockerignore': 'secret*\n!secret-no-more\nDockerfile\n',
        secret: 'x',
        'secret-no-more': 'y',
      });
      symlinkSync('/etc/hostname-of-nobody', join(context, 'link'));
      await failure(build());
      expect(output).toMatch(/ secret-no-more\n/);
      expect(output).not.toMatch(/ secret\n/);
      expect(output).toContain("can't open '/all/link'");
    });

    it('is refused with a .dockerignore that is no file of its own', async () => {
      put({ Dockerfile: BASE });
      symlinkSync('/dev/zero', join(context, '.dockerignore'));
      expect(await failure(build())).toMatchObject({
        reason: 'image_build_failure',
        message: expect.stringContaining('.dockerignore'),
      });
    });

    it('whose build is given up is not built', async () => {
      put({ Dockerfile: `${BASE}RUN echo begun && sleep 60\n` });
      const stop = new AbortController();
      const building = build({}, stop.signal);
      const check = setInterval(() => output.includes('] RUN ') && stop.abort(new Error('given up')), 20);
      await expect(building).rejects.toThrow('given up');
      clearInterval(check);
    });

    it('is called by a second name', async () => {
      put({ Dockerfile: BASE });
      await build();
      await images.tag(TAG, `${TAG}-again`);
      expect(await images.find(`${TAG}-again`)).toEqual(await images.find(TAG));
      await docker.getImage(`${TAG}-again`).remove();
    });
  });

  describe('what stands in the way of an image', () => {
    const reasonOf = async (dockerfile: string): Promise<string> => {
      put({ Dockerfile: dockerfile });
      return (await failure(build())).reason;
    };

    it('is told as a command that failed', () =>
      expect(reasonOf(`${BASE}RUN exit 3\n`)).resolves.toBe('image_build_failure'));
    it('is told as a Dockerfile that cannot be read', () =>
      expect(reasonOf('FRMO scratch\n')).resolves.toBe('image_build_failure'));
    it('is told as a base image whose registry does not answer', () =>
      expect(reasonOf('FROM 127.0.0.1:9/none:1\n')).resolves.toBe('image_pull_failure'));
    it('is told as a registry that does not answer, when it is pushed', async () => {
      await images.tag('foldline-test/busybox:1', '127.0.0.1:9/none:1');
      const pushing = images.push('127.0.0.1:9/none:1', NOBODY, work());
      expect((await failure(pushing)).reason).toBe('registry_unreachable');
      await docker.getImage('127.0.0.1:9/none:1').remove();
    });
    it('is told as a daemon that is not there', async () => {
      put({ Dockerfile: BASE });
      const away = createDockerImages(() => Promise.resolve(new Docker({ socketPath: '/nowhere/docker.sock' })));
      expect((await failure(build({}, undefined, away))).reason).toBe('docker_unavailable');
    });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
