import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ImageFailure, RegistryLogins } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { createDockerImages } from './docker-images.ts';

const BASE = 'foldline-test/busybox:1';
const NOBODY: RegistryLogins = new Map();
const ONCE = `${process.pid}-${Date.now()}`;

/** One registry for everybody, and one that asks who one is. */
const suite = (url: string, open: string, guarded: string): void => {
  const docker = new Docker({ socketPath: new URL(url).pathname });
  const images = createDockerImages(() => Promise.resolve(docker));
  const [pair, closed] = guarded.split('@') as [string, string];
  const [username, password] = pair.split(':') as [string, string];
  const ada: RegistryLogins = new Map([[closed, { username, password }]]);
  const eve: RegistryLogins = new Map([[closed, { username, password: 'guessed' }]]);
  const tag = `spec-${process.pid}`;
  const made = new Set<string>();
  let output: string;
  const work = () => ({
    onOutput: (text: Buffer) => void (output += text.toString()),
    signal: new AbortController().signal,
  });
  const named = async (reference: string): Promise<string> => {
    await images.tag(BASE, reference);
    made.add(reference);
    return reference;
  };
  const reasonOf = (work: Promise<unknown>): Promise<string | undefined> =>
    work.then(
      () => undefined,
      (error: unknown) => (error as ImageFailure).reason,
    );
  beforeEach(() => {
    output = '';
  });
  afterAll(async () => {
    for (const reference of made)
      await docker
        .getImage(reference)
        .remove()
        .catch(() => undefined);
  });

  describe('an image in a registry', () => {
    it('is known there by its digest, however often it is pushed, and comes back', async () => {
      const reference = await named(`${open}/spec:${tag}`);
      const { digest } = await images.push(reference, NOBODY, work());
      expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await images.push(reference, NOBODY, work())).toEqual({ digest });
      await docker.getImage(reference).remove();
      const { digests } = await images.pull(reference, NOBODY, work());
      expect(digests).toContain(`${open}/spec@${digest}`);
      expect(output).toContain(`digest: ${digest}`);
    });

    it('is not there before somebody pushed it', async () =>
      expect(await reasonOf(images.pull(`${open}/nothing:1`, NOBODY, work()))).toBe('image_not_found'));

    it('that is not for everybody is pushed and fetched by whoever may', async () => {
      const reference = await named(`${closed}/spec:${tag}`);
      expect(await reasonOf(images.push(reference, NOBODY, work()))).toBe('image_push_denied');
      expect(await reasonOf(images.push(reference, eve, work()))).toBe('image_push_denied');
      await images.push(reference, ada, work());
      await docker.getImage(reference).remove();
      expect(await reasonOf(images.pull(reference, NOBODY, work()))).toBe('image_access_denied');
      await images.pull(reference, ada, work());
    });
  });

  describe('a build', () => {
    let context: string;
    beforeAll(() => {
      context = mkdtempSync(join(tmpdir(), 'foldline-context-'));
    });
    afterAll(() => rmSync(context, { recursive: true, force: true }));
    const build = (dockerfile: string, logins: RegistryLogins, cacheFrom: string[] = []) => {
      writeFileSync(join(context, 'Dockerfile'), dockerfile);
      const built = `foldline-spec-registry:${tag}`;
      made.add(built);
      const spec = { context, dockerfile: 'Dockerfile', args: {}, platform: 'linux/amd64', network: 'none' } as const;
      return images.build({ ...spec, tags: [built], cacheFrom, logins }, work());
    };

    it('upon an image that is not there says so', async () =>
      expect(await reasonOf(build(`FROM ${open}/nothing:1\n`, NOBODY))).toBe('image_not_found'));

    it('upon an image that is not for everybody needs a login, which no other registry is told', async () => {
      const base = await named(`${closed}/spec-base:${tag}`);
      await images.push(base, ada, work());
      await docker.getImage(base).remove();
      expect(await reasonOf(build(`FROM ${base}\nRUN true\n`, eve))).toBe('image_access_denied');
      expect(await reasonOf(build(`FROM ${base}\nRUN true\n`, new Map([['docker.io', ada.get(closed)!]])))).toBe(
        'image_access_denied',
      );
      await build(`FROM ${base}\nRUN true\n`, ada);
    });

    it('takes layers from a registry, and goes on without where there are none', async () => {
      const first = await build(`FROM ${BASE}\nRUN echo ${ONCE} > /made\n`, NOBODY, [`${open}/nothing:1`]);
      expect(first.imageId).toMatch(/^sha256:/);
      const cache = `${open}/cached:${tag}`;
      await images.tag(first.imageId, cache);
      made.add(cache);
      await images.push(cache, NOBODY, work());
      await docker.pruneBuilder();
      output = '';
      await build(`FROM ${BASE}\nRUN echo ${ONCE} > /made\n`, NOBODY, [cache]);
      expect(output).toMatch(/RUN echo[^\n]*\n(?:#\d+ [^\n]*\n)*#\d+ CACHED/);
      // Whatever a daemon has built before is thrown away here.
    }, 120_000);
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () =>
  withRealServer('FOLDLINE_TEST_DOCKER_HOST', (url) =>
    withRealServer('FOLDLINE_TEST_REGISTRY', (open) =>
      withRealServer('FOLDLINE_TEST_PRIVATE_REGISTRY', (guarded) => suite(url, open, guarded)),
    ),
  ),
);
