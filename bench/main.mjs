import { benchAppend } from './append.mjs';
import { benchCaches } from './caches.mjs';
import { benchContainers } from './containers.mjs';
import { benchDistributed } from './distributed/figures.mjs';
import { benchRelay } from './distributed/relay.mjs';
import { benchRolling } from './distributed/rolling.mjs';
import { benchJobs, benchPeer } from './jobs.mjs';
import { benchLanguage } from './language.mjs';
import { benchLatency } from './latency.mjs';
import { figure, summary } from './lib/figures.mjs';
import { benchQueue } from './queue.mjs';
import { benchSnapshots } from './snapshots.mjs';
import { benchStart } from './start.mjs';

const parts = {
  language: benchLanguage,
  append: benchAppend,
  start: benchStart,
  latency: benchLatency,
  queue: benchQueue,
  peer: benchPeer,
  jobs: benchJobs,
  caches: benchCaches,
  snapshots: benchSnapshots,
  containers: benchContainers,
  distributed: benchDistributed,
  relay: benchRelay,
  rolling: benchRolling,
};
/** Parts that need the servers of `infra/ci/servers`, told by the settings that it prints. */
const ON_SERVERS = new Set(['distributed', 'relay', 'rolling']);
const hasServers = ['REDIS_URL', 'KAFKA_BROKERS', 'S3_URL'].every((name) => process.env[`FOLDLINE_TEST_${name}`]);

const lackOf = (name) => {
  if (ON_SERVERS.has(name) && !hasServers)
    return 'the servers that `infra/ci/servers up` starts and `infra/ci/servers env` names';
  if (name === 'containers' && !process.env.FOLDLINE_TEST_DOCKER_HOST)
    return 'a Docker daemon (`infra/ci/servers up docker`, `infra/ci/servers env`) with the images of `infra/ci/job-images`';
  return undefined;
};

const wanted = process.argv.slice(2).filter((name) => name in parts);
const sizes = process.argv.slice(2).map(Number).filter(Number.isInteger);
for (const [name, bench] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  const lack = lackOf(name);
  if (lack) {
    console.log(`  left out: needs ${lack}`);
    continue;
  }
  await bench(name === 'jobs' && sizes.length > 0 ? sizes : undefined).catch((error) =>
    figure(name, 'failed', String(error.message), false),
  );
}
process.exitCode = summary() > 0 ? 1 : 0;
