import type { ImageBuild, PipelineContext, Plan, PlannedJob } from '@foldline/contracts';

/** A push to main of one project; plans and jobs that differ from it say only how. */
export const sampleContext: PipelineContext = {
  pipelineId: 'p1',
  project: { id: 'pr1', owner: 'ada', name: 'engine', url: '/repos/engine', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch', protected: true },
  sha: 'a'.repeat(40),
  message: 'Add gears',
  source: 'api',
  variables: {},
  projectVariables: [],
  secrets: [],
};

/** A build of a service in the root of that project. */
export const sampleBuild: ImageBuild = {
  number: 7,
  service: { id: 's1', number: 1, name: 'shop' },
  projectNumber: 1,
  gitUrl: '/repos/engine',
  contextPath: '.',
  dockerfile: 'Dockerfile',
  args: {},
  platform: 'linux/amd64',
  network: 'default',
  image: 'shop:main-aaaaaaa',
  cacheImage: 'shop:main',
  registries: [],
};

export const plannedJob = (index: number, name: string, more: Partial<PlannedJob> = {}): PlannedJob => ({
  index,
  name,
  definition: name,
  stage: 'test',
  waitsFor: 'stages',
  artifactsFrom: 'earlier-stages',
  when: 'on_success',
  allowFailure: false,
  runner: {},
  services: [],
  variables: {},
  secrets: {},
  steps: [],
  cache: [],
  retry: { max: 0, when: [] },
  timeoutSeconds: 3600,
  interruptible: false,
  priority: 5,
  ...more,
});

export const planOf = (...jobs: PlannedJob[]): Plan => ({
  version: 1,
  file: '.codara-ci.yml',
  stages: ['test'],
  variables: {},
  jobs,
  warnings: [],
  decisions: jobs.map(({ name }) => ({
    definition: name,
    created: true,
    rule: 'default',
    because: `${name} has no rules`,
  })),
});
