import { describe, expect, it } from '@jest/globals';
import type { ContainerSpec } from '@foldline/kernel';
import { withDaemon } from './docker-in-jobs.ts';

const jobWith = (...images: string[]): ContainerSpec => ({
  image: 'docker:28',
  workspaceAt: '/builds/ada/engine',
  mounts: [],
  services: images.map((image) => ({ image, aliases: [], environment: {} })),
});
const imagesOf = ({ services = [] }: ContainerSpec): string[] => services.map(({ image }) => image);

describe('A job with a Docker daemon among its services', () => {
  it.each([
    'docker:dind',
    'docker:28-dind',
    'docker:28.1-dind-rootless',
    'mirror.example.com:5000/library/docker:dind',
  ])('that is %s has it apart from all others', (image) => {
    const { asked, daemon } = withDaemon(jobWith('redis:7', image), true);
    expect(imagesOf(asked)).toEqual(['redis:7']);
    expect(daemon).toMatchObject({ image });
  });

  it.each(['FOLDLINE_DOCKER_IN_JOBS', '`isolated`', '`shared`', 'docs/builds.md'])(
    'is refused by a runner that does not allow it, with what else can be done: %s',
    (said) =>
      expect(() => withDaemon(jobWith('docker:dind'), false)).toThrow(
        expect.objectContaining({ reason: 'docker_not_allowed', message: expect.stringContaining(said) }),
      ),
  );

  it.each(['docker:28', 'docker', 'mydocker:dind', 'docker/dind:1', 'docker:dinder'])('is not one with %s', (image) => {
    const { asked, daemon } = withDaemon(jobWith(image), false);
    expect(imagesOf(asked)).toEqual([image]);
    expect(daemon).toBeUndefined();
  });
});
