import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Sandbox, until } from '@foldline/client';
import { createRandom } from '../faults/lib/random.mjs';

/**
 * A runner that is killed in the middle of a random step of a job, again and again: each time the job goes on behind the
 * last step whose state was kept, and ends with the workspace of a run that nobody disturbed: `--kills 50 --seed 1`.
 * FOLDLINE_TEST_TOPOLOGY=distributed kills the runner of a cluster.
 */
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const KILLS = Number(values.kills);
const STEPS = 6;
const VARIANTS = 4;
const WORK = fileURLToPath(new URL('lib/resume-work.mjs', import.meta.url));

const random = createRandom(values.seed, 'kills');
const outside = mkdtempSync(join(tmpdir(), 'foldline-kill-resume-'));
const wrong = [];
const counts = { kills: 0, resumed: 0, again: 0 };
const say = (text) => process.stdout.write(`${text}\n`);
const linesOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []);

const sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'local:low-power:1', FOLDLINE_RUNNER_LEASE_SECONDS: '5' });

/** Its last step fails, so that no cache is saved and each job begins with the same one. */
const submit = (id, variant) => {
  const step = (n) => ({
    name: `step ${n}`,
    run: `${process.execPath} ${WORK} ${variant} ${n} ${outside}/${id}.marks`,
  });
  const last = { name: 'list', run: `${process.execPath} ${WORK} list > ${outside}/${id}.list; exit 1` };
  return sandbox.client.post('/jobs/submit', {
    id,
    repo: sandbox.repository,
    commit: 'main',
    retries: 0,
    steps: [...Array.from({ length: STEPS }, (_, n) => step(n)), last],
  });
};
const statusOf = (id) => sandbox.client.get(`/jobs/status?id=${id}`);
const ended = (id, attempt) =>
  until(
    `attempt ${attempt} of ${id} to end`,
    async () => {
      const job = await statusOf(id);
      return !['queued', 'running'].includes(job.status) && job.attempt >= attempt && job;
    },
    60_000,
  );

const killRunner = async () => {
  if (sandbox.topology === 'distributed') {
    const runner = sandbox.cluster.service('runner');
    await runner.kill();
    await runner.start();
  } else {
    await sandbox.server.kill();
    await sandbox.restart();
  }
};

const check = (id, job, variant, killed) => {
  const seen = linesOf(join(outside, `${id}.list`)).join('\n');
  const expected = linesOf(join(outside, `undisturbed-${variant}.list`)).join('\n');
  if (seen !== expected) wrong.push(`${id}: its workspace is not that of variant ${variant}`);
  const marks = linesOf(join(outside, `${id}.marks`)).map(Number);
  const resumed = job.steps.filter(({ resumedFrom }) => resumedFrom !== undefined).length;
  // Up to the kill, and from the step behind the state that it went on from.
  const known = [...marks.keys()].slice(0, killed + 1).map((n) => n);
  const after = Array.from({ length: STEPS - resumed }, (_, n) => n + resumed);
  if (marks.join() !== [...known, ...after].join()) wrong.push(`${id}: it carried out ${marks.join()}`);
  counts.kills += 1;
  counts.resumed += resumed > 0 ? 1 : 0;
  counts.again += killed + 1 - resumed;
};

try {
  sandbox.commit({
    'package-lock.json': '{}',
    ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`src/main/${n % 6}.d/${n}`, `file ${n}\n`])),
  });
  const fill =
    'for n in 1 2 3 4 5 6; do mkdir -p node_modules/dep/deep; echo "dep $n" > node_modules/dep/deep/$n; done';
  await sandbox.client.post('/jobs/submit', {
    id: 'fill',
    repo: sandbox.repository,
    commit: 'main',
    steps: [{ name: 'fill', run: fill }],
  });
  await ended('fill', 1);
  for (let variant = 0; variant < VARIANTS; variant += 1) {
    await submit(`undisturbed-${variant}`, variant);
    await ended(`undisturbed-${variant}`, 1);
  }
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const id = `killed-${kill}`;
    const variant = random.below(VARIANTS);
    const step = random.between(1, STEPS - 1);
    await submit(id, variant);
    await until(`step ${step} of ${id}`, () => linesOf(join(outside, `${id}.marks`)).length === step + 1, 60_000, 5);
    await sleep(random.between(0, 80));
    await killRunner();
    check(id, await ended(id, 2), variant, step);
  }
} finally {
  await sandbox.stop();
  rmSync(outside, { recursive: true, force: true });
}
for (const line of wrong.slice(0, 20)) say(line);
say(
  `${counts.kills} kills, ${counts.resumed} went on behind a step, ${counts.again} steps carried out again; wrong: ${wrong.length}`,
);
process.exitCode = wrong.length === 0 && counts.resumed > 0 ? 0 : 1;
