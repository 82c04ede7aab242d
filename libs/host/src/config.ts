import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { ServiceName } from '@foldline/contracts';
import { Refusal, systemCode, type RetentionRules, type Settings } from '@foldline/kernel';
import { prepareDataDirectory } from './data-directory.ts';
import { dockerOf, warmProblems } from './docker-settings.ts';
import { keptSecret } from './kept-secret.ts';
import { SERVER_SETTINGS, serverProblems, serversOf, type ServerSettings } from './server-settings.ts';
import { bytesIn } from './setting-values.ts';
import { SETTINGS, settingsSchema, type SettingValues } from './settings-table.ts';
import { version } from './version.ts';

const ADMIN_TOKEN = 'admin-token';
const KNOWN = new Set(Object.keys(SETTINGS));
const ONLY_DISTRIBUTED = new Set(Object.keys(SERVER_SETTINGS));
const FILE = '_FILE';
/** What tests and scripts of this repository read; the same shell may start a server. */
const OF_TOOLS = /^FOLDLINE_(?:TEST_|CI_|REQUIRE_REAL$)/;
/** Names that other systems have for the same, and that scripts set. */
const SHORT_NAMES = [
  ['WEBHOOK_SECRET', 'FOLDLINE_WEBHOOK_SECRET'],
  ['BUILD_LOG_DIR', 'FOLDLINE_BUILD_LOG_DIR'],
  ['JOB_WORKERS', 'FOLDLINE_BUILD_WORKERS'],
] as const;
/** Where a runner is one process of many: as long as most jobs take. */
const DRAIN_SECONDS = 3600;

type Given = Readonly<Record<string, string | undefined>>;

/** What the process itself goes by; no service asks for it. */
export type ProcessSettings = {
  /** How long a runner that is being stopped lets its jobs go on. */
  drainMs: number;
};

/** The settings, and where the administrator finds the token. */
export type HostSettings = Settings &
  ProcessSettings & {
    /** File that the token is kept in; absent when the operator gave the token. */
    adminTokenFile?: string;
    /** This start has made the token. */
    newAdminToken: boolean;
  };

/** What one service of the distributed mode is started with. */
export type ServiceSettings = Settings & ProcessSettings & { servers: ServerSettings };

/**
 * Reads and checks all settings of the standalone server at once. Refuses with every problem in one message: unknown
 * names, wrong values, what belongs to the other mode. Makes the data directory and the secrets that the operator did
 * not give.
 */
export const readSettings = (environment: Given): HostSettings =>
  standaloneSettings(
    check(environment, (values, given) =>
      values.FOLDLINE_MODE === 'distributed'
        ? ['FOLDLINE_MODE: this program is the standalone server; in distributed mode each service has its own program']
        : Object.keys(given)
            .filter((name) => ONLY_DISTRIBUTED.has(name))
            .map((name) => `${name}: is only for distributed mode`),
    ),
  );

/** The same for one service of the distributed mode; what all services share must be given, nothing is made. */
export const readServiceSettings = (environment: Given, service: ServiceName): ServiceSettings => {
  const values = check(environment, (values) => [
    ...(values.FOLDLINE_MODE === 'standalone'
      ? [`FOLDLINE_MODE: must be distributed to run ${service} as a process of its own`]
      : []),
    ...serverProblems(values),
    ...(service === 'api-gateway' ? gatewayProblems(values) : strangerProblems(environment, service)),
  ]);
  const dataDirectory = resolve(values.FOLDLINE_DATA_DIR);
  prepareDataDirectory(dataDirectory, () => undefined);
  return {
    ...sharedSettings(values, hostname().toLowerCase()),
    dataDirectory,
    ...(service === 'api-gateway' ? secretsOfGateway(values) : secretsOfNobody()),
    servers: serversOf(values),
  };
};

/** The servers of the distributed mode, for a program beside its services. */
export const readServerSettings = (environment: Given): ServerSettings =>
  serversOf(
    check(environment, (values) => [
      ...(values.FOLDLINE_MODE === 'standalone' ? ['FOLDLINE_MODE: must be distributed to reach its servers'] : []),
      ...serverProblems(values),
    ]),
  );

const OF_GATEWAY = ['FOLDLINE_ADMIN_TOKEN', 'FOLDLINE_WEBHOOK_SECRET'] as const;

const gatewayProblems = (values: SettingValues): string[] =>
  OF_GATEWAY.filter((name) => values[name] === undefined).map(
    (name) => `${name}: is required by the gateway in distributed mode`,
  );

const secretsOfGateway = (values: SettingValues) => ({
  adminToken: values.FOLDLINE_ADMIN_TOKEN!,
  webhookSecret: values.FOLDLINE_WEBHOOK_SECRET!,
});

/** Elsewhere nothing may ever match them. */
const secretsOfNobody = () => ({
  adminToken: randomBytes(32).toString('hex'),
  webhookSecret: randomBytes(32).toString('hex'),
});

/** No other service has a use for them, and jobs can read what their runner was started with. */
const strangerProblems = (environment: Given, service: ServiceName): string[] =>
  OF_GATEWAY.flatMap((name) => [name, name + FILE])
    .filter((name) => environment[name] !== undefined)
    .map((name) => `${name}: is for the gateway alone; start ${service} without it`);

const check = (environment: Given, more: (values: SettingValues, given: Given) => string[]): SettingValues => {
  const { given, problems } = withFiles(environment);
  const parsed = settingsSchema.safeParse(given);
  problems.push(
    ...Object.keys(given)
      .filter((name) => !KNOWN.has(name))
      .map((name) => `${name} is not a setting`),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`),
    ...(parsed.data ? [...warmProblems(parsed.data), ...more(parsed.data, given)] : []),
  );
  if (problems.length === 0) return parsed.data!;
  throw new Refusal('invalid_settings', `The settings are wrong:\n${problems.map((text) => `  - ${text}`).join('\n')}`);
};

/** Any setting may be given as a file that holds it, as orchestrators hand out secrets: `<NAME>_FILE`. */
const withFiles = (environment: Given): { given: Record<string, string | undefined>; problems: string[] } => {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name]) => name.startsWith('FOLDLINE_') && !OF_TOOLS.test(name)),
  );
  for (const [short, name] of SHORT_NAMES)
    if (given[name] === undefined && environment[short] !== undefined) given[name] = environment[short];
  const problems: string[] = [];
  for (const [fileName, path] of Object.entries(given)) {
    const name = fileName.slice(0, -FILE.length);
    if (!fileName.endsWith(FILE) || !KNOWN.has(name) || path === undefined) continue;
    delete given[fileName];
    if (given[name] !== undefined) problems.push(`${name} is given twice: by itself and by ${fileName}`);
    else given[name] = textOf(path, fileName, problems);
  }
  return { given, problems };
};

const textOf = (path: string, name: string, problems: string[]): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    problems.push(`${name}: the file cannot be read (${systemCode(error) ?? 'unknown cause'})`);
    return undefined;
  }
};

const standaloneSettings = (values: SettingValues): HostSettings => {
  const dataDirectory = resolve(values.FOLDLINE_DATA_DIR);
  const given = { adminToken: values.FOLDLINE_ADMIN_TOKEN, webhookSecret: values.FOLDLINE_WEBHOOK_SECRET };
  const secrets = prepareDataDirectory(dataDirectory, () => {
    const admin = given.adminToken === undefined ? keptSecret(dataDirectory, ADMIN_TOKEN, 'fl_') : undefined;
    return {
      adminToken: admin?.value ?? given.adminToken!,
      newAdminToken: admin?.isNew ?? false,
      webhookSecret: given.webhookSecret ?? keptSecret(dataDirectory, 'webhook-secret', '').value,
    };
  });
  return {
    ...sharedSettings(values, 'local'),
    dataDirectory,
    ...secrets,
    ...(given.adminToken === undefined ? { adminTokenFile: join(dataDirectory, ADMIN_TOKEN) } : {}),
  };
};

/** `host` begins the names of runners that the operator did not name: one per process. */
const sharedSettings = (
  values: SettingValues,
  host: string,
): Omit<Settings, 'dataDirectory' | 'adminToken' | 'webhookSecret'> & ProcessSettings => ({
  mode: values.FOLDLINE_MODE,
  host: values.FOLDLINE_HOST,
  port: values.FOLDLINE_PORT,
  ...urlOf(values),
  logLevel: values.FOLDLINE_LOG_LEVEL,
  runners: (values.FOLDLINE_RUNNERS ?? ownRunners(host)).map(({ id, power, slots }) => ({
    id,
    offer: {
      cluster: { id, power },
      cpu: values.FOLDLINE_RUNNER_CPU,
      memoryBytes: bytesIn(values.FOLDLINE_RUNNER_MEMORY_GB),
      diskBytes: bytesIn(values.FOLDLINE_RUNNER_DISK_GB),
      slots,
      executors: ['process'],
      ...(values.FOLDLINE_RUNNER_TAGS ? { tags: values.FOLDLINE_RUNNER_TAGS } : {}),
    },
  })),
  runnerLeaseMs: values.FOLDLINE_RUNNER_LEASE_SECONDS * 1000,
  drainMs: 1000 * (values.FOLDLINE_DRAIN_SECONDS ?? (values.FOLDLINE_MODE === 'distributed' ? DRAIN_SECONDS : 0)),
  highPowerOwners: values.FOLDLINE_HIGH_POWER_OWNERS.split(',').map((owner) => owner.trim()),
  queueLimit: { total: values.FOLDLINE_QUEUE_LIMIT, perProject: values.FOLDLINE_PROJECT_QUEUE_LIMIT },
  queueRules: {
    priorityMs: values.FOLDLINE_QUEUE_PRIORITY_SECONDS * 1000,
    runningMs: values.FOLDLINE_QUEUE_FAIRNESS_SECONDS * 1000,
    projectLimit: values.FOLDLINE_PROJECT_JOBS ?? Infinity,
  },
  layers: { mounts: values.FOLDLINE_CACHE_MOUNTS, diskBytes: bytesIn(values.FOLDLINE_CACHE_DISK_GB) },
  retention: retentionOf(values),
  allowPrivateTargets: values.FOLDLINE_ALLOW_PRIVATE_TARGETS,
  includeHosts: values.FOLDLINE_INCLUDE_HOSTS ?? [],
  ...dockerOf(values),
  buildWorkers: values.FOLDLINE_BUILD_WORKERS,
  buildLogDirectory: resolve(values.FOLDLINE_BUILD_LOG_DIR),
  version,
});

const DAY_MS = 24 * 60 * 60 * 1000;

const retentionOf = (values: SettingValues): RetentionRules => ({
  cacheMs: values.FOLDLINE_CACHE_RETENTION_DAYS * DAY_MS,
  snapshotMs: values.FOLDLINE_SNAPSHOT_RETENTION_DAYS * DAY_MS,
  ...bytesOf('projectCacheBytes', values.FOLDLINE_PROJECT_CACHE_LIMIT_GB),
  ...bytesOf('cacheBytes', values.FOLDLINE_CACHE_LIMIT_GB),
  submittedLogMs: values.FOLDLINE_JOB_RETENTION_DAYS * DAY_MS,
  ...(values.FOLDLINE_LOG_RETENTION_DAYS !== undefined && { logMs: values.FOLDLINE_LOG_RETENTION_DAYS * DAY_MS }),
  diskReserveBytes: bytesIn(values.FOLDLINE_DISK_RESERVE_GB),
});

const bytesOf = <Name extends string>(name: Name, gib: number | undefined): { [N in Name]?: number } =>
  gib === undefined ? {} : ({ [name]: bytesIn(gib) } as { [N in Name]: number });

const ANY_HOST = new Set(['0.0.0.0', '::', '']);

/** An address that every host has is nobody's, and the port is not known before it was taken. */
const urlOf = ({ FOLDLINE_URL: url, FOLDLINE_HOST: host, FOLDLINE_PORT: port }: SettingValues): { url?: string } => {
  if (url !== undefined) return { url };
  if (ANY_HOST.has(host) || port === 0) return {};
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}` };
};

const MAXIMUM_HOST = 50;
const ownRunners = (host: string) => {
  const name = host.replaceAll(/[^a-z0-9-]/g, '-').slice(0, MAXIMUM_HOST);
  return [
    { id: `${name}-high`, power: 'high-power', slots: 6 },
    { id: `${name}-low`, power: 'low-power', slots: 4 },
  ] as const;
};
