import { describe, it } from '@jest/globals';

/** The settings under which suites find the servers they need; `infra/ci/servers env` prints them. */
export type ServerSetting =
  | 'FOLDLINE_TEST_REDIS_URL'
  | 'FOLDLINE_TEST_KAFKA_BROKERS'
  | 'FOLDLINE_TEST_S3_URL'
  | 'FOLDLINE_TEST_DOCKER_HOST'
  | 'FOLDLINE_TEST_EVENTSTORE_URL';

/**
 * Runs a suite against a real server. Without one the suite is skipped with a line that names the setting; where
 * `FOLDLINE_REQUIRE_REAL=1` it fails instead.
 */
export const withRealServer = (setting: ServerSetting, suite: (url: string) => void): void => {
  const url = process.env[setting];
  if (url) return suite(url);
  describe(`a real server (${setting})`, () => {
    if (process.env['FOLDLINE_REQUIRE_REAL'] === '1')
      it('is there', () => {
        throw new Error(`${setting} is not set: start the server with \`infra/ci/servers up\``);
      });
    else
      it.skip(`needs ${setting}: start it with \`infra/ci/servers up\` and set what \`infra/ci/servers env\` prints`, () =>
        undefined);
  });
};
