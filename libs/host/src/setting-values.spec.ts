import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readServerSettings, readServiceSettings } from './config.ts';
import { DISTRIBUTED_SETTINGS } from './distributed-settings.fixture.ts';
import { SETTINGS } from './settings-table.ts';

const directory = mkdtempSync(join(tmpdir(), 'foldline-settings-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const GATEWAY = { FOLDLINE_ADMIN_TOKEN: 'x'.repeat(16), FOLDLINE_WEBHOOK_SECRET: 'y'.repeat(16) };

const problemsOf = (name: string, value: string): string[] => {
  try {
    readServerSettings({ ...DISTRIBUTED_SETTINGS, [name]: value });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
};

const TAGS =
  'must be a list of at most 50 tags of letters, digits and ._/-, separated by commas, for example "linux,gpu"';
const PORT = 'must be a whole number from 0 to 65535';
const HOSTS = 'must be a list of hosts, for example "example.com,*.example.com,http://mirror.corp:8080"';
const IMAGES = 'must be a list of images, for example "node:22,registry.example.com/ci/python:3.13"';
const WEB = 'must be an http or https URL without credentials and query';
const SIZE = 'must be a number above 0';
const COUNT = 'must be a whole number of at least 1';
/** What each number is said to be, and values that are none of these. */
const NUMBERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  FOLDLINE_PORT: [PORT, 'abc', '-1', '99999', '80.5', ''],
  FOLDLINE_OPS_PORT: [PORT, 'abc', '-1', '99999', '80.5', ' '],
  FOLDLINE_RUNNER_CPU: [SIZE, 'two', '0', '-1', 'Infinity'],
  FOLDLINE_RUNNER_MEMORY_GB: [SIZE, '8GB', '0', '-1', '1e999'],
  FOLDLINE_RUNNER_DISK_GB: [SIZE, '100 GB', '0', '-1', ''],
  FOLDLINE_CACHE_DISK_GB: ['must be a number from 0 to 1000000', '10 GB', '-1', '1000001', ''],
  FOLDLINE_CACHE_RETENTION_DAYS: [SIZE, 'month', '0', '-1', ''],
  FOLDLINE_CACHE_LIMIT_GB: [SIZE, '10 GB', '0', '-1'],
  FOLDLINE_PROJECT_CACHE_LIMIT_GB: [SIZE, '10 GB', '0', '-1'],
  FOLDLINE_SNAPSHOT_RETENTION_DAYS: [SIZE, 'week', '0', '-1', ''],
  FOLDLINE_JOB_RETENTION_DAYS: [SIZE, 'week', '0', '-1'],
  FOLDLINE_LOG_RETENTION_DAYS: [SIZE, 'never', '0', '-1'],
  FOLDLINE_DISK_RESERVE_GB: ['must be a number from 0 to 1000000', '1 GB', '-1', ''],
  FOLDLINE_BUILD_WORKERS: ['must be a whole number from 1 to 1000', 'x', '0', '1001', '1.5'],
  FOLDLINE_RUNNER_LEASE_SECONDS: ['must be a number from 2 to 86400', '3m', '1', '86401'],
  FOLDLINE_DRAIN_SECONDS: ['must be a number from 0 to 604800', '10m', '-1', '604801', ''],
  FOLDLINE_QUEUE_LIMIT: [COUNT, 'none', '0', '1.5', '9007199254740993'],
  FOLDLINE_PROJECT_QUEUE_LIMIT: [COUNT, 'none', '0', '1.5'],
  FOLDLINE_PROJECT_JOBS: [COUNT, 'all', '0', '1.5'],
  FOLDLINE_QUEUE_PRIORITY_SECONDS: ['must be a whole number from 1 to 86400', '5m', '0', '86401'],
  FOLDLINE_QUEUE_FAIRNESS_SECONDS: ['must be a whole number from 0 to 86400', '1m', '-1', '86401'],
  FOLDLINE_CONTAINER_PIDS: ['must be a whole number from 1 to 4194304', 'all', '0', '4194305', '64.5'],
  FOLDLINE_CONTAINER_MEMORY_GB: [SIZE, '2GB', '0', '-1'],
  FOLDLINE_CONTAINER_DISK_GB: [SIZE, '20 GB', '0', '-1'],
  FOLDLINE_CONTAINER_CPU: [SIZE, 'half', '0', '-1'],
  FOLDLINE_WARM_CONTAINERS: ['must be a whole number from 0 to 100', 'some', '-1', '101', '1.5'],
  FOLDLINE_WARM_CONTAINER_SECONDS: ['must be a number from 1 to 86400', '10m', '0', '86401'],
  FOLDLINE_DOCKER_IN_JOBS_SECONDS: ['must be a number from 1 to 86400', '10m', '0', '86401'],
  FOLDLINE_KAFKA_PARTITIONS: ['must be a whole number from 1 to 1000', 'many', '0', '1001', '2.5'],
  FOLDLINE_KAFKA_RETENTION_DAYS: ['must be a whole number from 1 to 3650', 'ever', '0', '-1', '3651', '0.5'],
  FOLDLINE_KAFKA_REPLICATION: ['must be a whole number from 1 to 9', 'all', '0', '10'],
};

describe('a setting that is a number', () => {
  it.each(Object.entries(NUMBERS).flatMap(([name, [said, ...wrong]]) => wrong.map((value) => [name, value, said])))(
    '%s="%s" is refused with what is allowed: %s',
    (name, value, said) => {
      expect(problemsOf(name!, value!)).toEqual([`  - ${name}: ${said}`]);
    },
  );

  it('is every one that takes a number', () => {
    const taking = Object.entries(SETTINGS).filter(([, schema]) => schema.safeParse('7').data === 7);
    expect(taking.map(([name]) => name).toSorted()).toEqual(Object.keys(NUMBERS).toSorted());
  });

  it.each([
    ['FOLDLINE_PORT', '0', 0],
    ['FOLDLINE_PORT', '65535', 65_535],
    ['FOLDLINE_RUNNER_CPU', '0.5', 0.5],
    ['FOLDLINE_RUNNER_LEASE_SECONDS', '2.5', 2.5],
  ] as const)('%s=%s is taken as it is', (name, text, value) => {
    expect(problemsOf(name, text)).toEqual([]);
    expect(SETTINGS[name].parse(text)).toBe(value);
  });
});

describe('a size', () => {
  it('is whole bytes, also where it is a part of a gibibyte', () => {
    const settings = {
      ...DISTRIBUTED_SETTINGS,
      ...GATEWAY,
      FOLDLINE_DATA_DIR: directory,
      FOLDLINE_DISK_RESERVE_GB: '0.01',
    };
    expect(readServiceSettings(settings, 'api-gateway').retention.diskReserveBytes).toBe(10_737_418);
  });
});

describe('the address of the server', () => {
  const urlOf = (settings: Readonly<Record<string, string>>): string | undefined =>
    readServiceSettings(
      { ...DISTRIBUTED_SETTINGS, ...GATEWAY, FOLDLINE_DATA_DIR: directory, ...settings },
      'api-gateway',
    ).url;

  it.each<[Record<string, string>, string | undefined]>([
    [{ FOLDLINE_URL: 'https://ci.example.com/' }, 'https://ci.example.com'],
    [{ FOLDLINE_URL: 'https://example.com/ci/', FOLDLINE_HOST: '0.0.0.0' }, 'https://example.com/ci'],
    [{ FOLDLINE_HOST: '127.0.0.1', FOLDLINE_PORT: '8080' }, 'http://127.0.0.1:8080'],
    [{ FOLDLINE_HOST: '::1', FOLDLINE_PORT: '8080' }, 'http://[::1]:8080'],
    [{ FOLDLINE_HOST: '0.0.0.0', FOLDLINE_PORT: '8080' }, undefined],
    [{ FOLDLINE_HOST: '127.0.0.1', FOLDLINE_PORT: '0' }, undefined],
  ])('of %j is %s', (settings, url) => expect(urlOf(settings)).toBe(url));
});

describe('any other setting', () => {
  it.each([
    ['FOLDLINE_MODE', 'cluster', 'must be standalone or distributed'],
    ['FOLDLINE_LOG_LEVEL', 'loud', 'must be debug, info, warn, error or silent'],
    ['FOLDLINE_KAFKA_TLS', 'yes', 'must be true or false'],
    ['FOLDLINE_ALLOW_PRIVATE_TARGETS', '1', 'must be true or false'],
    ['FOLDLINE_KAFKA_SASL', 'gssapi', 'must be plain, scram-sha-256 or scram-sha-512'],
    ['FOLDLINE_DOCKER_IN_JOBS', 'dind', 'must be none, shared or isolated'],
    ['FOLDLINE_RUNNER_TAGS', 'linux,,gpu', TAGS],
    ['FOLDLINE_RUNNER_TAGS', '', TAGS],
    ['FOLDLINE_RUNNER_TAGS', 'a b', TAGS],
    ['FOLDLINE_WARM_IMAGES', '', IMAGES],
    ['FOLDLINE_WARM_IMAGES', 'node:22,,debian', IMAGES],
    ['FOLDLINE_WARM_IMAGES', 'node:22 debian', IMAGES],
    ['FOLDLINE_WARM_IMAGES', 'a,b,c', 'must be no more images than FOLDLINE_WARM_CONTAINERS lets wait, which is 2'],
    ['FOLDLINE_INCLUDE_HOSTS', 'https://example.com/ci', HOSTS],
    ['FOLDLINE_INCLUDE_HOSTS', 'example.com,*', HOSTS],
    ['FOLDLINE_INCLUDE_HOSTS', '', HOSTS],
    ['FOLDLINE_HOST', '', 'must not be empty'],
    ['FOLDLINE_URL', 'ci.example.com', WEB],
    ['FOLDLINE_URL', 'ftp://ci.example.com', WEB],
    ['FOLDLINE_URL', 'https://ada:secret@ci.example.com', WEB],
    ['FOLDLINE_URL', 'https://ci.example.com/?a', WEB],
    ['FOLDLINE_DATA_DIR', '', 'must not be empty'],
    ['FOLDLINE_S3_ACCESS_KEY', '', 'must not be empty'],
  ])('%s="%s" is refused with what is allowed: %s', (name, value, said) => {
    expect(problemsOf(name, value)).toEqual([`  - ${name}: ${said}`]);
  });

  it.each(Object.keys(SETTINGS))('%s is refused in words for a person', (name) => {
    for (const value of ['', '?', '-1', '99999999999999999999', '1e999', '\u0000'])
      for (const problem of problemsOf(name, value)) expect(problem).toMatch(/^ {2}- FOLDLINE_\w+: (must|needs|is) /);
  });
});
