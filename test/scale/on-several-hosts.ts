import { spawnSync } from 'node:child_process';
import { absent, withPrograms, withRealServer } from '@foldline/testing';

/**
 * Runs a suite that makes a network of hosts on this machine. Where the servers, the programs or the right to make one are
 * not there it is skipped with a line that says so, or fails where `FOLDLINE_REQUIRE_REAL=1`.
 */
export const onSeveralHosts = (suite: () => void): void =>
  withRealServer('FOLDLINE_TEST_REDIS_URL', () =>
    withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () =>
      withRealServer('FOLDLINE_TEST_S3_URL', () =>
        withPrograms(['ip', 'iptables', 'unshare'], () => {
          if (mayMakeNetworks()) return suite();
          const problem = 'needs the right to make network namespaces: root';
          absent('several hosts', { hint: problem, problem });
        }),
      ),
    ),
  );

const mayMakeNetworks = (): boolean =>
  spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0;
