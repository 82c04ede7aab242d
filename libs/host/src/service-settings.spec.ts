import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@foldline/contracts';
import type { Refusal } from '@foldline/kernel';
import { readServiceSettings, type ServiceSettings } from './config.ts';
import { DISTRIBUTED_SETTINGS } from './distributed-settings.fixture.ts';

const TOKEN = 'a-token-that-is-long-enough';
const SECRET = 'a-secret-that-is-long-enough';
const OTHERS = SERVICES.filter((service) => service !== 'api-gateway');

describe('what only the gateway may know', () => {
  let directory: string;
  let settings: Readonly<Record<string, string>>;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-service-settings-'));
    settings = { ...DISTRIBUTED_SETTINGS, FOLDLINE_DATA_DIR: join(directory, 'data') };
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const read = (service: (typeof SERVICES)[number], more: Readonly<Record<string, string>> = {}): ServiceSettings =>
    readServiceSettings({ ...settings, ...more }, service);

  const problemsOf = (...given: Parameters<typeof read>): { code: unknown; problems: string[] } => {
    try {
      read(...given);
    } catch (error) {
      const { code, message } = error as Refusal;
      return { code, problems: message.split('\n').slice(1) };
    }
    throw new Error('nothing was refused');
  };

  it('is required of the gateway, all of it at once and before anything is made', () => {
    expect(problemsOf('api-gateway')).toEqual({
      code: 'invalid_settings',
      problems: [
        '  - FOLDLINE_ADMIN_TOKEN: is required by the gateway in distributed mode',
        '  - FOLDLINE_WEBHOOK_SECRET: is required by the gateway in distributed mode',
      ],
    });
    expect(existsSync(join(directory, 'data'))).toBe(false);
  });

  it('reaches the gateway by itself or as files', () => {
    writeFileSync(join(directory, 'token'), `${TOKEN}\n`);
    const given = { FOLDLINE_ADMIN_TOKEN_FILE: join(directory, 'token'), FOLDLINE_WEBHOOK_SECRET: SECRET };
    expect(read('api-gateway', given)).toMatchObject({ adminToken: TOKEN, webhookSecret: SECRET });
  });

  it.each(OTHERS)('is not asked of %s, where nothing that anybody knows takes its place', (service) => {
    const [first, second] = [read(service), read(service)];
    expect(first.adminToken).toMatch(/^[0-9a-f]{64}$/);
    expect(first.webhookSecret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set([first.adminToken, second.adminToken, first.webhookSecret, second.webhookSecret]).size).toBe(4);
  });

  it.each(OTHERS)('is refused by %s, by itself and as a file, and not told', (service) => {
    writeFileSync(join(directory, 'secret'), SECRET);
    const given = { FOLDLINE_ADMIN_TOKEN: TOKEN, FOLDLINE_WEBHOOK_SECRET_FILE: join(directory, 'secret') };
    expect(problemsOf(service, given)).toEqual({
      code: 'invalid_settings',
      problems: [
        `  - FOLDLINE_ADMIN_TOKEN: is for the gateway alone; start ${service} without it`,
        `  - FOLDLINE_WEBHOOK_SECRET_FILE: is for the gateway alone; start ${service} without it`,
      ],
    });
    expect(existsSync(join(directory, 'data'))).toBe(false);
  });

  it('knows builds by the names that scripts have for them, and lets its own win', () => {
    const short = { BUILD_LOG_DIR: '/logs', JOB_WORKERS: '4' };
    expect(read('runner', short)).toMatchObject({ buildLogDirectory: '/logs', buildWorkers: 4 });
    expect(read('runner', { ...short, FOLDLINE_BUILD_WORKERS: '3' }).buildWorkers).toBe(3);
    expect(read('runner', {})).toMatchObject({ buildLogDirectory: resolve('./logs'), buildWorkers: 2 });
  });

  it('may lie about under a name that is not of this system', () => {
    expect(read('runner', { WEBHOOK_SECRET: SECRET }).webhookSecret).not.toBe(SECRET);
    expect(read('api-gateway', { WEBHOOK_SECRET: SECRET, FOLDLINE_ADMIN_TOKEN: TOKEN }).webhookSecret).toBe(SECRET);
  });
});
