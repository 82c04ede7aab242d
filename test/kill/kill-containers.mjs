import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Sandbox } from '@foldline/client';
import Docker from 'dockerode';
import { createRandom } from '../faults/lib/random.mjs';

/**
 * Kills a server again and again while its jobs run in containers, and then looks for what is left of them and for what
 * became of each job: `--kills 100 --seed 1`. Needs a Docker daemon (`FOLDLINE_TEST_DOCKER_HOST`) with the images of
 * `infra/ci/job-images`.
 */
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const KILLS = Number(values.kills);
const LATEST_KILL_MS = 1500;
const IN_FLIGHT = 3;
const POLL_MS = 50;
const PAGE = 1000;

const address = process.env.FOLDLINE_TEST_DOCKER_HOST;
const docker = new Docker({ socketPath: new URL(address).pathname });
const random = createRandom(values.seed, 'kills');
const say = (text) => process.stdout.write(`${text}\n`);

/** A job by itself, one that leaves processes, one with a service, and one that runs on the host. */
const DEFINITION = `stages: [build, test]
.in-busybox: { image: foldline-test/busybox:1 }
build:
  extends: .in-busybox
  stage: build
  script: ['mkdir out', 'for n in 1 2 3 4 5; do echo "line $n"; sleep 0.1; done', 'echo "$CI_JOB_ID" > out/made']
  artifacts: { paths: [out/] }
leaves:
  extends: .in-busybox
  stage: test
  script: ['setsid sleep 300 > /dev/null 2>&1 &', 'cat out/made', 'sleep 0.3']
served:
  extends: .in-busybox
  stage: test
  services: [{ name: foldline-test/busybox:1, alias: waits, command: [sleep, '300'] }]
  script: ['test -s out/made', 'sleep 0.2']
other:
  image: foldline-test/debian:1
  stage: test
  script: ['test -s out/made', 'sleep 0.2']
host:
  stage: test
  script: ['test -s out/made', 'sleep 0.2']
`;

const eventsOf = async (client) => {
  const events = [];
  for (let cursor = 0; ;) {
    const { items, nextCursor } = await client.get(`/api/v1/events?limit=${PAGE}&after=${cursor}`);
    events.push(...items);
    if (!nextCursor) return events;
    cursor = nextCursor;
  }
};

/** What there is of this server in the daemon and in its data directory. */
const leftOf = async ({ dataDirectory }) => {
  const slots = join(dataDirectory, 'containers');
  const containers = await docker.listContainers({ all: true });
  const mine = containers.filter(({ Mounts }) => Mounts.some(({ Source }) => Source?.startsWith(dataDirectory)));
  const named = containers.filter(({ Names }) => Names.some((name) => pipelines.some((id) => name.includes(id))));
  const networks = (await docker.listNetworks()).filter(({ Name }) => pipelines.some((id) => Name.includes(id)));
  return {
    containers: new Set([...mine, ...named].map(({ Id }) => Id)).size,
    networks: networks.length,
    slots: existsSync(slots) ? readdirSync(slots).length : 0,
  };
};

const OUTCOMES = new Set(['JobSucceeded', 'JobFailed', 'JobCancelled']);
const countBy = (items, key) => {
  const counts = new Map();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
};

/**
 * Of each attempt that started one end and one decision of what comes of it; and each job succeeded, unless it was lost
 * as often as a job may be: nothing else has a reason to fail.
 */
const violationsOf = (events, answers) => {
  const of = (type) => events.filter((event) => event.type === type);
  const attempts = of('AttemptStarted').map(({ data }) => data.attemptId);
  const ends = countBy(of('AttemptFinished'), ({ data }) => data.attemptId);
  const outcomes = countBy(
    events.filter(({ type }) => OUTCOMES.has(type)),
    ({ data }) => `${data.jobId}.${data.attempt}`,
  );
  const hasReason = ({ status, reason }) => status === 'success' || status === 'skipped' || reason === 'runner_lost';
  return [
    ...attempts.filter((id) => ends.get(id) !== 1).map((id) => `attempt ${id} has ${ends.get(id) ?? 0} ends`),
    ...attempts
      .filter((id) => outcomes.get(id) !== 1)
      .map((id) => `attempt ${id} has ${outcomes.get(id) ?? 0} outcomes`),
    ...answers
      .flatMap(({ jobs }) => jobs)
      .filter((job) => !hasReason(job))
      .map(({ id, status, reason, detail }) => `job ${id} is ${status}: ${reason} ${detail}`),
  ];
};

const sandbox = await Sandbox.start({ FOLDLINE_DOCKER_HOST: address, FOLDLINE_RUNNERS: 'one:high-power:3' });
sandbox.commit({ '.codara-ci.yml': DEFINITION });
const pipelines = [];
const open = new Set();
let containersAtKill = 0;

const trigger = async () => {
  const { id } = await sandbox.trigger();
  pipelines.push(id);
  open.add(id);
};
const forgetEnded = async () => {
  for (const id of open) if ((await sandbox.pipeline(id)).finishedAt) open.delete(id);
};
const runningContainers = async () =>
  (await docker.listContainers()).filter(({ Names }) => Names.some((name) => [...open].some((id) => name.includes(id))))
    .length;

/** Not before a container is running, or being made. */
const untilContainers = async () => {
  while ((await runningContainers()) === 0) {
    await forgetEnded();
    while (open.size < IN_FLIGHT) await trigger();
    await sleep(POLL_MS);
  }
};

say(`seed ${values.seed}: ${KILLS} kills`);
for (let n = 1; n <= KILLS; n += 1) {
  await untilContainers();
  await sleep(random.between(0, random.chance(0.5) ? LATEST_KILL_MS : 100));
  containersAtKill += await runningContainers();
  await sandbox.server.kill();
  await sandbox.restart();
  if (n % 20 === 0) say(`${n} kills`);
}
const answers = [];
for (const id of pipelines) answers.push(await sandbox.rested(id));
const violations = violationsOf(await eventsOf(sandbox.client), answers);
const lost = answers.flatMap(({ jobs }) => jobs).reduce((sum, { attempt }) => sum + attempt - 1, 0);
const { server } = sandbox;
await server.stop();
const left = await leftOf(server);
for (const [what, count] of Object.entries(left)) if (count > 0) violations.push(`${count} ${what} left`);
say(
  `kills: ${KILLS}, while ${containersAtKill} containers of jobs were running; pipelines: ${pipelines.length}; attempts that were lost: ${lost}`,
);
say(`left: ${left.containers} containers, ${left.networks} networks, ${left.slots} directories`);
say(`violations: ${violations.length}`);
for (const violation of violations.slice(0, 60)) say(`  ${violation}`);
await sandbox.stop().catch(() => undefined);
process.exit(violations.length > 0 ? 1 : 0);
