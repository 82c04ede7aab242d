import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificates, withPrograms } from '@foldline/testing';
import { readServerSettings } from './config.ts';
import { DISTRIBUTED_SETTINGS } from './distributed-settings.fixture.ts';

type Given = Readonly<Record<string, string>>;
const SERVERS = {
  ...DISTRIBUTED_SETTINGS,
  FOLDLINE_EVENTSTORE_URL: 'esdb://user:secret@events.example:2113',
  FOLDLINE_REDIS_URL: 'rediss://user:secret@redis.example',
};
const problemsOf = (given: Given): string => {
  try {
    readServerSettings({ ...SERVERS, ...given });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the address of EventStoreDB', () => {
  it.each([
    'esdb://one:2113,two:2113,three:2113?nodePreference=leader',
    'esdb+discover://user:p%40ss@cluster.example:2113',
    'esdb://127.0.0.1:2113?tls=false',
  ])('may be %s', (url) => {
    expect(readServerSettings({ ...SERVERS, FOLDLINE_EVENTSTORE_URL: url }).eventStore).toEqual({ url });
  });

  it.each(['http://one:2113', 'one:2113', 'esdb://', ''])('cannot be "%s"', (url) => {
    expect(problemsOf({ FOLDLINE_EVENTSTORE_URL: url })).toContain('FOLDLINE_EVENTSTORE_URL: must be');
  });
});

withPrograms(['openssl'], () => {
  describe('certificates in the settings', () => {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-settings-'));
    const file = (name: string): string => join(directory, `${name}.pem`);
    // As a setting gives it: without the line feed at the end of the file.
    const pem = (name: string): string => readFileSync(file(name), 'utf8').trim();
    beforeAll(() => makeCertificates(directory));
    afterAll(() => rmSync(directory, { recursive: true }));

    it('reach each server as its client takes them, by themselves or as files', () => {
      const given = {
        FOLDLINE_EVENTSTORE_CA_FILE: file('ca'),
        FOLDLINE_KAFKA_TLS: 'true',
        FOLDLINE_KAFKA_CA: pem('ca'),
        FOLDLINE_KAFKA_CERTIFICATE_FILE: file('client'),
        FOLDLINE_KAFKA_CERTIFICATE_KEY_FILE: file('client-key'),
        FOLDLINE_REDIS_CA_FILE: file('ca'),
        FOLDLINE_REDIS_CERTIFICATE: pem('client'),
        FOLDLINE_REDIS_CERTIFICATE_KEY: pem('client-key'),
        FOLDLINE_S3_CA_FILE: file('ca'),
      };
      const shown = { ca: pem('ca'), cert: pem('client'), key: pem('client-key') };
      expect(readServerSettings({ ...SERVERS, ...given })).toMatchObject({
        eventStore: { certificateAuthority: pem('ca') },
        kafka: { tls: shown },
        redis: { tls: shown },
        s3: { certificateAuthority: pem('ca') },
      });
    });

    it.each<[string, () => Given, string]>([
      [
        'a name of a file as a certificate',
        () => ({ FOLDLINE_S3_CA: file('ca') }),
        'FOLDLINE_S3_CA: must be a certificate',
      ],
      [
        'a certificate as a key',
        () => ({ FOLDLINE_REDIS_CERTIFICATE: pem('client'), FOLDLINE_REDIS_CERTIFICATE_KEY: pem('client') }),
        'FOLDLINE_REDIS_CERTIFICATE_KEY: must be a private key',
      ],
      [
        'a certificate without its key',
        () => ({ FOLDLINE_REDIS_CERTIFICATE: pem('client') }),
        'FOLDLINE_REDIS_CERTIFICATE: goes together with FOLDLINE_REDIS_CERTIFICATE_KEY',
      ],
      [
        'a key of another certificate',
        () => ({ FOLDLINE_REDIS_CERTIFICATE: pem('client'), FOLDLINE_REDIS_CERTIFICATE_KEY: pem('server-key') }),
        'FOLDLINE_REDIS_CERTIFICATE_KEY: is not the key of FOLDLINE_REDIS_CERTIFICATE',
      ],
      ['an authority for Kafka without TLS', () => ({ FOLDLINE_KAFKA_CA: pem('ca') }), 'FOLDLINE_KAFKA_TLS=true'],
      [
        'an authority for Redis without TLS',
        () => ({ FOLDLINE_REDIS_CA: pem('ca'), FOLDLINE_REDIS_URL: 'redis://redis.example' }),
        'needs a FOLDLINE_REDIS_URL with rediss://',
      ],
      [
        'an authority for S3 without TLS',
        () => ({ FOLDLINE_S3_CA: pem('ca'), FOLDLINE_S3_URL: 'http://s3.example/foldline' }),
        'needs a FOLDLINE_S3_URL with https://',
      ],
      [
        'an authority for EventStoreDB without TLS',
        () => ({ FOLDLINE_EVENTSTORE_CA: pem('ca'), FOLDLINE_EVENTSTORE_URL: 'esdb://events.example?tls=false' }),
        'needs a FOLDLINE_EVENTSTORE_URL without tls=false',
      ],
      ['a password that nobody asks for', () => ({ FOLDLINE_KAFKA_PASSWORD: 'secret' }), 'needs FOLDLINE_KAFKA_SASL'],
    ])('refuse %s, and tell no secret', (_what, given, problem) => {
      const problems = problemsOf(given());
      expect(problems).toContain(problem);
      expect(problems).not.toMatch(/secret|BEGIN/);
    });
  });
});

describe('pools of runners', () => {
  const read = (text?: string) =>
    readServerSettings({ ...SERVERS, ...(text === undefined ? {} : { FOLDLINE_RUNNER_POOLS: text }) }).runnerPools;

  it('are none unless they are given', () => expect(read()).toEqual([]));

  it('are told with what each of their runners offers', () =>
    expect(read('ci-big:high-power:2:16:64:200, ci-small:low-power:4:1.5:0.5:10').map(({ offer }) => offer)).toEqual([
      {
        cluster: { id: 'ci-big', power: 'high-power' },
        cpu: 16,
        memoryBytes: 64 * 1024 ** 3,
        diskBytes: 200 * 1024 ** 3,
        slots: 2,
        executors: ['process'],
      },
      expect.objectContaining({ cpu: 1.5, memoryBytes: 0.5 * 1024 ** 3, slots: 4 }),
    ]));

  it('may have tags', () =>
    expect(read('gpu:high-power:1:8:32:100:linux+gpu')[0]!.offer.tags).toEqual(['linux', 'gpu']));

  it.each([
    ['low-power:1:8:32:100:linux:docker', ['linux']],
    ['low-power:1:8:32:100::docker', undefined],
  ])('may have a Docker daemon: %s', (text, tags) => {
    const [pool] = read(`box:${text}`);
    expect(pool!.offer).toMatchObject({ executors: ['process', 'docker'], ...(tags && { tags }) });
    expect(pool!.offer.tags).toEqual(tags);
  });

  it.each([
    ['', 'must be a list of'],
    ['big:high-power:2:1:1:1::', 'must be a list of'],
    ['big:high-power:2:1:1:1:a:podman', 'must be a list of'],
    ['big:high-power:2:1:1:1:', 'must be a list of'],
    ['big:high-power:2:1:1:1:a b', 'must be a list of'],
    ['big:high-power:2', 'must be a list of'],
    ['big:high-power:0:1:1:1', 'must be a list of'],
    ['big:high-power:2:0:1:1', 'must be a list of'],
    ['big:high-power:2:1:1:1,', 'must be a list of'],
    ['big:fast:2:1:1:1', 'must be a list of'],
    ['Big:high-power:2:1:1:1', 'must be a list of'],
    ['a:low-power:1:1:1:1,a:low-power:2:1:1:1', 'must name each pool once'],
    [Array.from({ length: 101 }, (_, n) => `p${n}:low-power:1:1:1:1`).join(','), 'must be at most 100 pools'],
  ])('cannot be "%.40s"', (text, problem) => {
    expect(problemsOf({ FOLDLINE_RUNNER_POOLS: text })).toContain(`FOLDLINE_RUNNER_POOLS: ${problem}`);
  });
});
