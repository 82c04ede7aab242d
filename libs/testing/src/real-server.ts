import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from '@jest/globals';

/** The settings under which suites find the servers they need; `infra/ci/servers env` prints them. */
export type ServerSetting =
  | 'FOLDLINE_TEST_REDIS_URL'
  | 'FOLDLINE_TEST_KAFKA_BROKERS'
  | 'FOLDLINE_TEST_S3_URL'
  | 'FOLDLINE_TEST_DOCKER_HOST'
  | 'FOLDLINE_TEST_REGISTRY'
  | 'FOLDLINE_TEST_PRIVATE_REGISTRY'
  | 'FOLDLINE_TEST_EVENTSTORE_URL';

/**
 * Runs a suite against a real server. Without one the suite is skipped with a line that names the setting; where
 * `FOLDLINE_REQUIRE_REAL=1` it fails instead.
 */
export const withRealServer = (setting: ServerSetting, suite: (url: string) => void): void => {
  const url = process.env[setting];
  if (url) return suite(url);
  absent(`a real server (${setting})`, {
    hint: `needs ${setting}: start it with \`infra/ci/servers up\` and set what \`infra/ci/servers env\` prints`,
    problem: `${setting} is not set: start the server with \`infra/ci/servers up\``,
  });
};

/**
 * Runs a suite that needs programs of this machine. Where one is not there the suite is skipped with a line that names it,
 * or fails where `FOLDLINE_REQUIRE_REAL=1`.
 */
export const withPrograms = (programs: readonly string[], suite: () => void): void => {
  const missing = programs.filter((program) => !isOnPath(program));
  if (missing.length === 0) return suite();
  const problem = `not on the PATH: ${missing.join(', ')}`;
  absent(`programs (${programs.join(', ')})`, { hint: `needs ${missing.join(', ')}`, problem });
};

/** Runs a suite that wants the machine for itself, where it is asked for; elsewhere it is skipped with a line that says how to ask. */
export const whenAsked = (setting: 'FOLDLINE_TEST_CHAOS' | 'FOLDLINE_TEST_CONTAINERS', suite: () => void): void => {
  if (process.env[setting] === '1') return suite();
  describe(`a suite of its own (${setting})`, () => it.skip(`is not asked for: set ${setting}=1`, () => undefined));
};

const isOnPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)));

/** Takes the place of a suite that cannot run here. */
export const absent = (what: string, { hint, problem }: { hint: string; problem: string }): void => {
  describe(what, () => {
    if (process.env['FOLDLINE_REQUIRE_REAL'] === '1')
      it('is there', () => {
        throw new Error(problem);
      });
    else it.skip(hint, () => undefined);
  });
};
