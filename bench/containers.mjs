import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT } from '@foldline/client';
import { createDockerExecutor, openDocker } from '../libs/adapters/executor-docker/dist/index.js';
import { figure, ms, percentile } from './lib/figures.mjs';
import { startInstance } from './lib/instance.mjs';

/** Made by `infra/ci/job-images`. */
const IMAGE = 'foldline-test/debian:1';
const NETWORK = 'foldline-bench';
const RUNS = 20;
const BETWEEN_MS = 1_500;
const LINES = 200;
const MIB = 1024 * 1024;
const LOG_BYTES = 256 * MIB;

const timed = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** What the daemon takes for the same by itself, on the same network. */
const rawRun = async (docker, command, onChunk) => {
  const container = await docker.createContainer({
    Image: IMAGE,
    Cmd: command,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: { NetworkMode: NETWORK, LogConfig: { Type: 'none', Config: {} } },
  });
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  stream.on('data', onChunk ?? (() => undefined));
  const ended = new Promise((resolve) => stream.once('end', resolve));
  await container.start();
  await container.wait();
  await ended;
  await container.remove();
};

/** One attempt of one step, from the wish for a place to run in to its end. */
const attempt = async (executor, root, commands, onOutput = () => undefined) => {
  const workspace = mkdtempSync(join(root, 'workspace-'));
  const site = await executor.open({
    attemptId: `bench${performance.now()}`,
    workspace,
    scratchDirectory: root,
    container: { image: IMAGE, workspaceAt: '/builds/ada/engine', mounts: [] },
  });
  const execution = await site.start({ commands, environment: {}, onOutput });
  const { exitCode } = await execution.finished;
  if (exitCode !== 0) throw new Error(`the step ended with ${exitCode}`);
  await site.close();
  return site;
};

const cold = async (docker, executor, root) => {
  const raw = [];
  const ended = [];
  const gone = [];
  for (let n = 0; n < RUNS; n += 1) {
    raw.push(await timed(() => rawRun(docker, ['true'])));
    const began = performance.now();
    await attempt(executor, root, ['true']);
    ended.push(performance.now() - began);
    // A job does not wait for its container to be taken away.
    await executor.close();
    gone.push(performance.now() - began);
  }
  const [floor, toEnd, toGone] = [raw, ended, gone].map((times) => percentile(times));
  const ratio = (taken) => `${(taken / floor).toFixed(2)} x`;
  figure('cold no-op container, raw create + start + wait + remove', ms(floor), 'the peer');
  figure(`cold no-op container job, until it has ended: ${ms(toEnd)}`, ratio(toEnd));
  figure(`the same, until its container is gone: ${ms(toGone)}`, ratio(toGone), '<= 1.15 x', toGone <= 1.15 * floor);
};

/** The same step with many lines and with one, so that what a line costs is all that is left. */
const perLine = async (docker, executor, root) => {
  const lines = Array.from({ length: LINES }, () => 'true');
  const [one, many] = [[], []];
  for (let n = 0; n < RUNS; n += 1) {
    one.push(await timed(() => attempt(executor, root, ['true'])));
    many.push(await timed(() => attempt(executor, root, lines)));
    await executor.close();
  }
  const cost = (percentile(many) - percentile(one)) / (LINES - 1);
  figure('each further script line', ms(cost), '<= 5 ms', cost <= 5);
};

const throughput = async (docker, executor, root) => {
  const print = `head -c ${LOG_BYTES} /dev/zero | tr '\\0' x | fold -w 99`;
  const rates = { raw: [], ours: [] };
  for (let n = 0; n < 3; n += 1) {
    let bytes = 0;
    const count = (chunk) => void (bytes += chunk.length);
    const raw = await timed(() => rawRun(docker, ['sh', '-c', print], count));
    rates.raw.push(bytes / MIB / (raw / 1000));
    bytes = 0;
    const ours = await timed(() => attempt(executor, root, [print], count));
    rates.ours.push(bytes / MIB / (ours / 1000));
    await executor.close();
  }
  const [raw, ours] = [Math.max(...rates.raw), Math.max(...rates.ours)];
  figure('log throughput of the raw daemon', `${raw.toFixed(0)} MiB/s`, 'the peer');
  figure(
    `log throughput of a job: ${ours.toFixed(0)} MiB/s`,
    `${((100 * ours) / raw).toFixed(0)} %`,
    '>= 80 %',
    ours >= 0.8 * raw,
  );
};

/** From the event that gives a job to its runner to the time that its first command reads: a built-in one of its shell. */
const firstCommands = async (instance, image) => {
  instance.commit(`noop:\n  script: echo now=$EPOCHREALTIME\n${image ? `  image: ${image}\n` : ''}`);
  const starts = [];
  while (starts.length < RUNS) {
    const { id } = await instance.trigger();
    await instance.finished(id);
    const { items } = await instance.client.get(`/api/v1/events?pipeline=${id}&limit=1000&after=0`);
    const of = (type) => items.find((event) => event.type === type);
    const log = await instance.client.text(`/api/${PROJECT}/jobs/${id}.0/logs`);
    const [, seconds, milliseconds] = /now=(\d+)\.(\d{3})/.exec(log);
    const taken = Number(`${seconds}${milliseconds}`) - Date.parse(of('JobAssigned').recordedAt);
    starts.push({ taken, start: of('ContainerStarted')?.data.start });
    // The next container is made ready meanwhile.
    await sleep(BETWEEN_MS);
  }
  return starts;
};

const warmStarts = async (address) => {
  const instance = await startInstance({ FOLDLINE_DOCKER_HOST: address, FOLDLINE_RUNNERS: 'bench:high-power:1' });
  try {
    const processes = (await firstCommands(instance)).map(({ taken }) => taken);
    const containers = await firstCommands(instance, IMAGE);
    const of = (kind) => containers.filter(({ start }) => start === kind).map(({ taken }) => taken);
    const [warm, cold] = [of('warm'), of('cold')];
    const taken = percentile(warm);
    figure(`first command after the assignment, as a process (p50 of ${RUNS})`, ms(percentile(processes)));
    figure(`the same in a new container (${cold.length})`, ms(percentile(cold)));
    figure(`the same in one that was waiting (p50 of ${warm.length})`, ms(taken), '<= 15 ms', taken <= 15);
  } finally {
    await instance.stop();
  }
};

/** Containers against the daemon that runs them, in the same run. */
export const benchContainers = async () => {
  const address = process.env.FOLDLINE_TEST_DOCKER_HOST;
  const daemon = openDocker(address);
  const docker = await daemon.client();
  const root = mkdtempSync(join(tmpdir(), 'foldline-bench-'));
  mkdirSync(join(root, 'data'));
  const network = await docker.createNetwork({ Name: NETWORK, Driver: 'bridge' });
  const fresh = () =>
    createDockerExecutor({ docker: daemon, directory: join(root, 'data'), network: NETWORK, limits: { pids: 512 } });
  try {
    await rawRun(docker, ['true']);
    await cold(docker, fresh(), root);
    await perLine(docker, fresh(), root);
    await throughput(docker, fresh(), root);
  } finally {
    await network.remove();
    rmSync(root, { recursive: true, force: true });
  }
  await warmStarts(address);
};
