import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { ClusterPower } from '@foldline/contracts';
import { Refusal, type Settings } from '@foldline/kernel';
import { prepareDataDirectory } from './data-directory.ts';
import { keptSecret } from './kept-secret.ts';
import { version } from './version.ts';

const GIB = 1024 ** 3;
const ADMIN_TOKEN = 'admin-token';
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
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const token = z.string().min(16, 'must have at least 16 characters');

/** Every setting, its meaning and its default. `docs/running.md` holds the same table and a test compares them. */
export const SETTINGS = {
  FOLDLINE_MODE: z
    .enum(['standalone', 'distributed'])
    .default('standalone')
    .describe('How the services run. `distributed` is not available yet.'),
  FOLDLINE_HOST: z.string().min(1).default('127.0.0.1').describe('Address that the HTTP server listens on.'),
  FOLDLINE_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe('Port of the HTTP server; 0 takes a free one.'),
  FOLDLINE_DATA_DIR: z.string().min(1).default('.foldline').describe('Directory of everything that is kept.'),
  FOLDLINE_ADMIN_TOKEN: token
    .optional()
    .describe('Bearer token of the administrator. Without it the first start makes one and prints it.'),
  FOLDLINE_WEBHOOK_SECRET: token
    .optional()
    .describe('Secret that forges sign webhooks with. Without it the first start makes one.'),
  FOLDLINE_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe lines of the server’s own log.'),
  FOLDLINE_RUNNERS: runners
    .default([
      { id: 'local-high', power: 'high-power', slots: 6 },
      { id: 'local-low', power: 'low-power', slots: 4 },
    ])
    .describe('Runners of this process as `<id>:<power>:<slots>`, separated by commas.'),
  FOLDLINE_RUNNER_CPU: z.coerce
    .number()
    .positive()
    .default(cpus().length)
    .describe('CPUs that each runner offers to `resources: cpu`; this host’s by default.'),
  FOLDLINE_RUNNER_MEMORY_GB: z.coerce
    .number()
    .positive()
    .default(Math.max(1, Math.floor(totalmem() / GIB)))
    .describe('Memory that each runner offers to `resources: memory`; this host’s by default.'),
  FOLDLINE_RUNNER_DISK_GB: z.coerce
    .number()
    .positive()
    .default(100)
    .describe('Disk that each runner offers to `resources: disk`.'),
  FOLDLINE_HIGH_POWER_OWNERS: z
    .string()
    .default('*')
    .describe('Owners whose jobs may use high-power clusters, separated by commas; `*` is everybody.'),
  FOLDLINE_ALLOW_PRIVATE_TARGETS: flag
    .default(false)
    .describe('Lets notifications go to private and loopback addresses.'),
} as const;

const schema = z.object(SETTINGS);
const KNOWN = new Set(Object.keys(SETTINGS));

/** The settings, and where the administrator finds the token. */
export type HostSettings = Settings & {
  /** File that the token is kept in; absent when the operator gave the token. */
  adminTokenFile?: string;
  /** This start has made the token. */
  newAdminToken: boolean;
};

/**
 * Reads and checks all settings at once. Refuses with every problem in one message: unknown names, wrong values, what is
 * not available. Makes the data directory and the secrets that the operator did not give.
 */
export const readSettings = (environment: Readonly<Record<string, string | undefined>>): HostSettings => {
  const given = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('FOLDLINE_')));
  given['FOLDLINE_WEBHOOK_SECRET'] ??= environment['WEBHOOK_SECRET'];
  const parsed = schema.safeParse(given);
  const problems = [
    ...Object.keys(given)
      .filter((name) => !KNOWN.has(name))
      .map((name) => `${name} is not a setting`),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`),
  ];
  if (parsed.data?.FOLDLINE_MODE === 'distributed')
    problems.push('FOLDLINE_MODE: distributed mode is not available in this release');
  if (problems.length > 0)
    throw new Refusal(
      'invalid_settings',
      `The settings are wrong:\n${problems.map((text) => `  - ${text}`).join('\n')}`,
    );
  return settingsOf(parsed.data!);
};

const settingsOf = (values: z.infer<typeof schema>): HostSettings => {
  const dataDirectory = resolve(values.FOLDLINE_DATA_DIR);
  const given = { adminToken: values.FOLDLINE_ADMIN_TOKEN, webhookSecret: values.FOLDLINE_WEBHOOK_SECRET };
  const { adminToken, newAdminToken, webhookSecret } = prepareDataDirectory(dataDirectory, () => {
    const admin = given.adminToken === undefined ? keptSecret(dataDirectory, ADMIN_TOKEN, 'fl_') : undefined;
    return {
      adminToken: admin?.value ?? given.adminToken!,
      newAdminToken: admin?.isNew ?? false,
      webhookSecret: given.webhookSecret ?? keptSecret(dataDirectory, 'webhook-secret', '').value,
    };
  });
  const memoryBytes = values.FOLDLINE_RUNNER_MEMORY_GB * GIB;
  const diskBytes = values.FOLDLINE_RUNNER_DISK_GB * GIB;
  return {
    mode: values.FOLDLINE_MODE,
    host: values.FOLDLINE_HOST,
    port: values.FOLDLINE_PORT,
    dataDirectory,
    logLevel: values.FOLDLINE_LOG_LEVEL,
    adminToken,
    newAdminToken,
    ...(given.adminToken === undefined ? { adminTokenFile: join(dataDirectory, ADMIN_TOKEN) } : {}),
    webhookSecret,
    runners: values.FOLDLINE_RUNNERS.map(({ id, power, slots }) => ({
      id,
      offer: {
        cluster: { id, power },
        cpu: values.FOLDLINE_RUNNER_CPU,
        memoryBytes,
        diskBytes,
        slots,
        executors: ['process'],
      },
    })),
    highPowerOwners: values.FOLDLINE_HIGH_POWER_OWNERS.split(',').map((owner) => owner.trim()),
    allowPrivateTargets: values.FOLDLINE_ALLOW_PRIVATE_TARGETS,
    version,
  };
};
