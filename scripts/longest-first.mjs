// Jest begins with the suites that take longest, so that no worker is left with one of them in the end. From its cache it
// knows how long each took, but a fresh clone has none: there it goes by the size of the files, which says nothing about
// the suites below. Most of what they do is waiting for servers.
import Sequencer from '@jest/test-sequencer';
import { join } from 'node:path';
import { root } from './workspace.mjs';

/** Seconds, about. */
const LONGEST = {
  'test/scenarios/equal-outcomes': 250,
  'test/scale/hosts': 230,
  'test/cli/migrate': 220,
  'test/acceptance/equal-plans': 100,
  'test/outages/docker': 90,
  'test/infra/tls.int': 85,
  'test/outages/outages': 70,
  'test/cli/migrate-under-way': 65,
  'libs/adapters/executor-docker/src/docker-executor.int': 60,
  'libs/adapters/executor-docker/src/pipeline-daemon.int': 60,
  'test/acceptance/snapshots': 60,
  'test/acceptance/submitted-jobs': 55,
  'test/acceptance/docker-in-jobs': 53,
  'libs/adapters/event-store-esdb/src/outages.int': 50,
  'libs/adapters/bus-kafka/src/kafka-bus.int': 47,
  'libs/adapters/bus-kafka/src/kafka-kill.int': 45,
  'test/cli/backup-distributed': 45,
  'test/acceptance/scheduling': 45,
};
const KNOWN = new Map(Object.entries(LONGEST).map(([path, seconds]) => [join(root, `${path}.spec.ts`), seconds]));
/** Of a suite that nothing is known about. */
const BYTES_PER_SECOND = 1_000;

export default class LongestFirst extends Sequencer {
  time(test) {
    const { path, context } = test;
    const seconds = KNOWN.get(path) ?? context.hasteFS.getSize(path) / BYTES_PER_SECOND;
    return super.time(test) ?? seconds * 1000;
  }
}
