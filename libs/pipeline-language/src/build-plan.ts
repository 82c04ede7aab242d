import type { ImageBuild, Plan, PlannedImage } from '@foldline/contracts';

const TIMEOUT_SECONDS = 3600;
const PRIORITY = 5;

/**
 * The plan of a build that was asked for: one job whose step builds the image and brings it to its registries. What a
 * definition would say has no part in it.
 */
export const buildPlan = (build: ImageBuild): Plan => {
  const { number, service, contextPath, dockerfile } = build;
  return {
    version: 1,
    file: contextPath === '.' ? dockerfile : `${contextPath}/${dockerfile}`,
    stages: ['build'],
    name: `build ${number} of ${service.name}`,
    variables: {},
    jobs: [
      {
        index: 0,
        name: 'build',
        definition: 'build',
        stage: 'build',
        waitsFor: 'stages',
        artifactsFrom: 'earlier-stages',
        when: 'on_success',
        allowFailure: false,
        runner: { executor: 'docker' },
        services: [],
        variables: {},
        secrets: {},
        steps: [{ name: 'build-image', kind: 'build-image', image: plannedImage(build) }],
        cache: [],
        retry: { max: 0, when: [] },
        timeoutSeconds: TIMEOUT_SECONDS,
        interruptible: false,
        priority: PRIORITY,
      },
    ],
    warnings: [],
    decisions: [
      {
        definition: 'build',
        created: true,
        rule: 'build',
        because: `build ${number} of the service ${service.name} was asked for`,
      },
    ],
  };
};

/** Everywhere the image has the same two names: that of its commit, and that of its branch, with which the next begins. */
const plannedImage = (build: ImageBuild): PlannedImage => {
  const { number, contextPath, dockerfile, args, platform, network, image, cacheImage, registries } = build;
  const names = [...new Set([image, cacheImage])];
  return {
    build: number,
    contextPath,
    dockerfile,
    args,
    platform,
    network,
    tags: names,
    pushes: registries.flatMap((registry) => names.map((name) => `${registry}/${name}`)),
    cacheFrom: registries.slice(0, 1).map((registry) => `${registry}/${cacheImage}`),
  };
};
