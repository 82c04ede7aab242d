import { describe, expect, it } from '@jest/globals';
import type { BuildImageStep, ImageBuild } from '@foldline/contracts';
import { buildPlan } from './build-plan.ts';

const build: ImageBuild = {
  number: 7,
  service: { id: 's1', number: 1, name: 'shop' },
  projectNumber: 1,
  gitUrl: '/srv/shop',
  contextPath: '.',
  dockerfile: 'Dockerfile',
  args: { VERSION: '$TAG' },
  platform: 'linux/amd64',
  network: 'default',
  image: 'shop:main-abc1234',
  cacheImage: 'shop:main',
  registries: [],
};
const imageOf = (more: Partial<ImageBuild> = {}) =>
  (buildPlan({ ...build, ...more }).jobs[0]!.steps[0] as BuildImageStep).image;

describe('the plan of a build', () => {
  it('is one job for a runner with Docker, and says why it is there', () => {
    const plan = buildPlan(build);
    expect(plan).toMatchObject({ file: 'Dockerfile', stages: ['build'], name: 'build 7 of shop' });
    expect(plan.jobs).toMatchObject([{ name: 'build', runner: { executor: 'docker' }, timeoutSeconds: 3600 }]);
    expect(plan.decisions).toMatchObject([{ definition: 'build', created: true, rule: 'build' }]);
  });

  it('names the Dockerfile with its directory', () =>
    expect(buildPlan({ ...build, contextPath: 'api' }).file).toBe('api/Dockerfile'));

  it('calls the image by its commit and by its branch, and pushes nothing without a registry', () =>
    expect(imageOf()).toMatchObject({
      build: 7,
      args: { VERSION: '$TAG' },
      tags: ['shop:main-abc1234', 'shop:main'],
      pushes: [],
      cacheFrom: [],
    }));

  it('pushes both names to every registry, and begins with the layers of the first', () =>
    expect(imageOf({ registries: ['one.example', 'two.example/team'] })).toMatchObject({
      pushes: [
        'one.example/shop:main-abc1234',
        'one.example/shop:main',
        'two.example/team/shop:main-abc1234',
        'two.example/team/shop:main',
      ],
      cacheFrom: ['one.example/shop:main'],
    }));
});
