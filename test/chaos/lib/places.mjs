import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
export const SERVERS_SCRIPT = join(ROOT, 'infra/ci/servers');

/** The servers of chaos runs are apart from those that other tests share. */
export const CI_DIRECTORY = process.env['FOLDLINE_CI_CHAOS_DIR'] ?? '/var/tmp/foldline-chaos';
const OFFSET = Number(process.env['FOLDLINE_CI_PORT_OFFSET'] ?? 0) + 5000;

/** What runs in a cluster, by the name under which it is a victim. */
export const INSTANCES = [
  { name: 'api-gateway', service: 'api-gateway' },
  { name: 'pipeline-planner', service: 'pipeline-planner' },
  { name: 'scheduler-1', service: 'scheduler' },
  { name: 'scheduler-2', service: 'scheduler' },
  { name: 'runner-1', service: 'runner', runner: 'one' },
  { name: 'runner-2', service: 'runner', runner: 'two' },
  { name: 'artifact-store', service: 'artifact-store' },
  { name: 'deployer', service: 'deployer' },
  { name: 'notifier', service: 'notifier' },
];
export const SERVERS = ['eventstore', 'kafka', 'redis', 's3'];

/** Where each server listens, as the script that starts them has it. */
export const SERVER_PORTS = {
  eventstore: 12_113 + OFFSET,
  kafka: 19_092 + OFFSET,
  redis: 16_390 + OFFSET,
  s3: 17_480 + OFFSET,
};
export const GATEWAY_PORT = 21_000 + OFFSET;
/** Taken by whoever runs a cluster there, for as long as the process lives: there is room for one. */
export const ALONE_PORT = GATEWAY_PORT - 1;

const numberOf = (name) => INSTANCES.findIndex((instance) => instance.name === name);
/** Kafka tells its clients where it is reached, so it has a door of its own for each of them. */
export const kafkaDoor = (name) => 21_100 + OFFSET + numberOf(name);
/** Where an instance believes that a server is: a wire that leads there. */
export const wirePort = (name, server) => 21_200 + OFFSET + numberOf(name) * 10 + SERVERS.indexOf(server);

export const SERVERS_ENVIRONMENT = {
  FOLDLINE_CI_DIR: CI_DIRECTORY,
  FOLDLINE_CI_PORT_OFFSET: String(OFFSET),
  FOLDLINE_CI_KAFKA_JARS: join(process.env['FOLDLINE_CI_DIR'] ?? '/var/tmp/foldline-ci', 'kafka/libs'),
  FOLDLINE_CI_KAFKA_DOORS: INSTANCES.map(({ name }) => `${kafkaDoor(name)}=${wirePort(name, 'kafka')}`).join(),
};
export const S3_ACCESS = { accessKey: 'ciaccess', secretKey: 'cisecretcisecret' };
