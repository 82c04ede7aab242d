import { cpus, totalmem } from 'node:os';
import { z } from 'zod';
import type { ClusterPower } from '@foldline/contracts';
import { runnerTags } from './runner-tags.ts';
import { SERVER_SETTINGS } from './server-settings.ts';
import {
  GIB,
  anyText,
  dockerAddress,
  flag,
  hosts,
  images,
  number,
  oneOf,
  webAddress,
  wholeNumber,
} from './setting-values.ts';

const RUNNER = /^([a-z0-9][a-z0-9-]{0,62}):(high-power|low-power):([1-9]\d{0,3})$/;
type RunnerSetting = { id: string; power: ClusterPower; slots: number };

const runners = z.string().transform((text, context): RunnerSetting[] => {
  const found = text.split(',').map((part) => RUNNER.exec(part.trim()));
  if (found.every((match) => match !== null)) {
    return found.map((match) => ({ id: match[1]!, power: match[2] as ClusterPower, slots: Number(match[3]) }));
  }
  context.addIssue(
    'must be a list of <id>:<high-power|low-power>:<slots>, for example "big:high-power:8,small:low-power:4"',
  );
  return z.NEVER;
});
const token = z.string().min(16, 'must have at least 16 characters');

const COMMON_SETTINGS = {
  FOLDLINE_MODE: oneOf(['standalone', 'distributed'])
    .default('standalone')
    .describe(
      'How the services run: all in one process with nothing beside it, or each as its own with the servers below.',
    ),
  FOLDLINE_HOST: anyText.default('127.0.0.1').describe('Address that the HTTP server listens on.'),
  FOLDLINE_PORT: wholeNumber({ least: 0, most: 65_535 })
    .default(8080)
    .describe('Port of the HTTP server; 0 takes a free one.'),
  FOLDLINE_URL: webAddress
    .optional()
    .describe(
      'Address under which people reach the gateway, for example `https://ci.example.com`; jobs are told it. Without it that of `FOLDLINE_HOST` and `FOLDLINE_PORT`, unless these stand for any.',
    ),
  FOLDLINE_DATA_DIR: anyText.default('.foldline').describe('Directory of everything that is kept.'),
  FOLDLINE_ADMIN_TOKEN: token
    .optional()
    .describe(
      'Bearer token of the administrator. Standalone, the first start makes one and prints it; the distributed gateway requires it.',
    ),
  FOLDLINE_WEBHOOK_SECRET: token
    .optional()
    .describe(
      'Secret that forges sign webhooks with. Standalone, the first start makes one; the distributed gateway requires it.',
    ),
  FOLDLINE_LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe lines of the server’s own log.'),
  FOLDLINE_RUNNERS: runners
    .optional()
    .describe(
      'Runners of this process as `<id>:<power>:<slots>`, separated by commas. Without it `local-high:high-power:6,local-low:low-power:4`; in distributed mode the host’s name takes the place of `local`.',
    ),
  FOLDLINE_RUNNER_CPU: number({ above: 0 })
    .default(cpus().length)
    .describe('CPUs that each runner offers to `resources: cpu`; this host’s by default.'),
  FOLDLINE_RUNNER_MEMORY_GB: number({ above: 0 })
    .default(Math.max(1, Math.floor(totalmem() / GIB)))
    .describe('Memory that each runner offers to `resources: memory`; this host’s by default.'),
  FOLDLINE_RUNNER_DISK_GB: number({ above: 0 })
    .default(100)
    .describe('Disk that each runner offers to `resources: disk`.'),
  FOLDLINE_RUNNER_TAGS: runnerTags
    .optional()
    .describe('Tags of each runner, separated by commas: jobs that ask for tags go to runners that have them all.'),
  FOLDLINE_CACHE_MOUNTS: flag
    .default(true)
    .describe(
      'Lets runners that may mount see restored caches without unpacking them (squashfs under an overlay); where that is not possible they are unpacked.',
    ),
  FOLDLINE_CACHE_DISK_GB: number({ least: 0, most: 1_000_000 })
    .default(10)
    .describe('Disk on which each runner process keeps the caches that it used last, besides those in use.'),
  FOLDLINE_CACHE_RETENTION_DAYS: number({ above: 0 })
    .default(30)
    .describe('Caches that no job has restored or saved for so long are deleted.'),
  FOLDLINE_CACHE_LIMIT_GB: number({ above: 0 })
    .optional()
    .describe(
      'What all caches together may take, as they are stored: those that were used least recently are deleted first; without it as much as there is.',
    ),
  FOLDLINE_PROJECT_CACHE_LIMIT_GB: number({ above: 0 }).optional().describe('The same for the caches of one project.'),
  FOLDLINE_SNAPSHOT_RETENTION_DAYS: number({ above: 0 })
    .default(7)
    .describe('What the steps of jobs have made for later attempts is deleted when it was kept so long ago.'),
  FOLDLINE_JOB_RETENTION_DAYS: number({ above: 0 })
    .default(7)
    .describe('The output of submitted jobs that ended so long ago is deleted; what they did is kept.'),
  FOLDLINE_LOG_RETENTION_DAYS: number({ above: 0 })
    .optional()
    .describe('The same for the jobs of pipelines; without it their output is kept for ever.'),
  FOLDLINE_DISK_RESERVE_GB: number({ least: 0, most: 1_000_000 })
    .default(1)
    .describe(
      'While less than this is free where the data directory lies, snapshots and then caches are deleted before their time; not in distributed mode.',
    ),
  FOLDLINE_RUNNER_LEASE_SECONDS: number({ least: 2, most: 86_400 })
    .default(180)
    .describe('A runner that was silent for so long is lost, and its jobs go to others; at least 2.'),
  FOLDLINE_DRAIN_SECONDS: number({ least: 0, most: 604_800 })
    .optional()
    .describe(
      'How long a stopped runner lets its jobs go on; then, or at a second signal, they are killed. By default 3600 in distributed mode; standalone 0, which kills them at once.',
    ),
  FOLDLINE_HIGH_POWER_OWNERS: z
    .string()
    .default('*')
    .describe('Owners whose jobs may use high-power clusters, separated by commas; `*` is everybody.'),
  FOLDLINE_QUEUE_LIMIT: wholeNumber({ least: 1 })
    .default(20_000)
    .describe('While more jobs than this wait for a runner, requests for new pipelines are answered with 429.'),
  FOLDLINE_PROJECT_QUEUE_LIMIT: wholeNumber({ least: 1 })
    .default(2_000)
    .describe('The same for the waiting jobs of one project.'),
  FOLDLINE_PROJECT_JOBS: wholeNumber({ least: 1 })
    .optional()
    .describe('Jobs that a project may have on runners at the same time; without it as many as find room.'),
  FOLDLINE_QUEUE_PRIORITY_SECONDS: wholeNumber({ least: 1, most: 86_400 })
    .default(300)
    .describe(
      'How much waiting a step of `priority` is worth: after this a job goes before later ones of the next step.',
    ),
  FOLDLINE_QUEUE_FAIRNESS_SECONDS: wholeNumber({ least: 0, most: 86_400 })
    .default(60)
    .describe('How much waiting each job counts that a project has on runners: others go before it by as much.'),
  FOLDLINE_ALLOW_PRIVATE_TARGETS: flag
    .default(false)
    .describe('Lets notifications and includes go to private and loopback addresses.'),
  FOLDLINE_DOCKER_HOST: dockerAddress
    .default('unix:///var/run/docker.sock')
    .describe(
      'Where a Docker daemon of this host is. While it answers, its runners take jobs that name an `image`, which run in containers; `none` lets them take none.',
    ),
  FOLDLINE_WARM_CONTAINERS: wholeNumber({ least: 0, most: 100 })
    .default(2)
    .describe(
      'How many containers each runner process keeps ready for jobs with images that earlier jobs have used; 0 for none.',
    ),
  FOLDLINE_WARM_CONTAINER_SECONDS: number({ least: 1, most: 86_400 })
    .default(600)
    .describe('How long a container is kept ready that no job uses.'),
  FOLDLINE_WARM_IMAGES: images
    .optional()
    .describe(
      'Images of which one of those containers is always ready, before any job has used them, separated by commas: `node:22,python:3.13`.',
    ),
  FOLDLINE_DOCKER_IN_JOBS: oneOf(['none', 'shared', 'isolated'])
    .default('none')
    .describe(
      'Which Docker daemon jobs with a service `docker:dind` get: one for their pipeline alone, in a container (`isolated`), or that of their runner (`shared`), whose address others get, too. Either lets who defines jobs become root on the host. Otherwise such jobs are refused.',
    ),
  FOLDLINE_DOCKER_IN_JOBS_SECONDS: number({ least: 1, most: 86_400 })
    .default(600)
    .describe('How long an isolated daemon is kept, with its images, after the last job that used it.'),
  FOLDLINE_CONTAINER_PIDS: wholeNumber({ least: 1, most: 4_194_304 })
    .default(4096)
    .describe('How many processes the container of a job may have.'),
  FOLDLINE_CONTAINER_MEMORY_GB: number({ above: 0 })
    .optional()
    .describe('Memory of a container whose job asks for none; without it as much as the host has.'),
  FOLDLINE_CONTAINER_DISK_GB: number({ above: 0 })
    .optional()
    .describe('Disk that a job in a container may use which asks for none; without it as much as there is.'),
  FOLDLINE_CONTAINER_CPU: number({ above: 0 })
    .optional()
    .describe('CPUs of a container whose job asks for none, and never more than the host has; without it all of them.'),
  FOLDLINE_CONTAINER_USER: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be a name or a number, perhaps with a group: "1000:1000"')
    .optional()
    .describe('Who jobs run as in containers, whatever their images and definitions say: `1000:1000`.'),
  FOLDLINE_CONTAINER_READ_ONLY: flag
    .default(false)
    .describe('Whether containers can write to the workspace, `/tmp` and the volumes of their images alone.'),
  FOLDLINE_BUILD_WORKERS: wholeNumber({ least: 1, most: 1000 })
    .default(2)
    .describe(
      'Images that this process builds, and services that it deploys, at once; more wait. `JOB_WORKERS` is another name for it.',
    ),
  FOLDLINE_BUILD_LOG_DIR: anyText
    .default('./logs')
    .describe(
      'Directory of the runner’s host in which each image build also gets a log file, made with the first one. `BUILD_LOG_DIR` is another name for it.',
    ),
  FOLDLINE_INCLUDE_HOSTS: hosts
    .optional()
    .describe(
      'Hosts from which definitions may include files by their address, separated by commas: `example.com`, `*.example.com`, `example.com:8443`, `http://mirror.corp`. Without it from none.',
    ),
} as const;

/** Every setting, its meaning and its default. `docs/running.md` holds the same tables and a test compares them. */
export const SETTINGS = { ...COMMON_SETTINGS, ...SERVER_SETTINGS };
export const settingsSchema = z.object(SETTINGS);
export type SettingValues = z.infer<typeof settingsSchema>;
