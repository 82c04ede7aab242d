import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttemptFinished,
  AttemptStarted,
  JobAssigned,
  attemptStream,
  pipelineStream,
  type PipelineContext,
  type PlannedJob,
  type RecordedEvent,
} from '@foldline/contracts';
import { localSignals, openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import { Commands, type Settings } from '@foldline/kernel';
import { copiesOf, plannedJob, sampleContext } from '@foldline/testing';
import { RunnerDrain } from '../drain.service.ts';
import { GreetingService } from '../greeting.service.ts';
import { Workspaces } from '../workspace/workspaces.ts';
import { RunnerLeases } from '../lease/runner-leases.service.ts';
import type { Assigned } from './attempt-execution.ts';
import { attemptDecider } from './attempt.decider.ts';
import { ExecutionService } from './execution.service.ts';

export const ATTEMPT = 'p1.0.1';
const OFFER = {
  cluster: { id: 'one', power: 'high-power' },
  cpu: 1,
  memoryBytes: 1,
  diskBytes: 1,
  slots: 1,
  executors: ['process'],
} as const;

export let directory: string;
export let embedded: EmbeddedPorts;
export let runner: ExecutionService;
export let assigned: Assigned;
export let leases: RunnerLeases;

export const commands = () => new Commands(embedded.ports.eventStore, embedded.ports.clock, 'runner');

const openRunner = async (): Promise<void> => {
  const settings = {
    dataDirectory: join(directory, 'data'),
    logLevel: 'silent',
    mode: 'distributed',
    version: '1.2.3',
    runnerLeaseMs: 180_000,
    runners: [{ id: 'one', offer: OFFER }],
    layers: { mounts: false, diskBytes: 2 ** 30 },
    retention: {
      cacheMs: 30 * 86_400_000,
      snapshotMs: 7 * 86_400_000,
      submittedLogMs: 7 * 86_400_000,
      diskReserveBytes: 0,
    },
  } as unknown as Settings;
  mkdirSync(settings.dataDirectory, { recursive: true });
  embedded = await openEmbeddedPorts(settings, []);
  startRunner();
};

/** The runner is registered under its epoch, and its first hello was answered. */
const leaseHeld = (): void => {
  const [lease] = leases.all;
  leases.answered(lease!.runnerId, lease!.epoch, lease!.sayHello(embedded.ports.clock.monotonic())!);
};

export const signals = localSignals();

/** Says hello for the runner, which nobody need answer. */
export const greetingOf = (): GreetingService => {
  const { settings, executor, clock, logger } = embedded.ports;
  return new GreetingService(settings, executor, signals, clock, logger, leases, runner);
};

export const drainOf = (): RunnerDrain => new RunnerDrain(runner, greetingOf(), embedded.ports.logger);

/** A runner as in a process of its own, on what an earlier one may have left. */
export const startRunner = (): void => {
  const { ports } = embedded;
  const workspaces = new Workspaces({
    directory: ports.settings.dataDirectory,
    settings: ports.settings.layers,
    repositories: ports.sourceRepository,
    clock: ports.clock,
    logger: ports.logger,
  });
  leases = new RunnerLeases(ports.settings, ports.eventStore, ports.clock, ports.ids, ports.logger);
  leaseHeld();
  runner = new ExecutionService(commands(), ports, workspaces, ports.settings, leases);
};

const copyRepository = copiesOf((repository) => {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(repository, 'README.md'), 'shop\n');
  git('add', '--all');
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', 'shop');
  return git('rev-parse', 'HEAD');
});

export const assign = async (more: Partial<PlannedJob> = {}, around: Partial<PipelineContext> = {}): Promise<void> => {
  const repository = join(directory, 'repository');
  const sha = copyRepository(repository);
  const context = { ...sampleContext, sha, project: { ...sampleContext.project, url: repository }, ...around };
  const event = JobAssigned({
    pipelineId: 'p1',
    jobId: 'p1.0',
    attempt: 1,
    runnerId: 'one',
    epoch: leases.all[0]!.epoch,
    cluster: OFFER.cluster,
    job: plannedJob(0, 'build', { steps: [{ name: 'script', kind: 'shell', commands: ['echo built'] }], ...more }),
    context,
    pipelineVariables: {},
    artifactJobs: [],
    because: { rule: 'cluster', detail: 'free', jobs: [] },
  });
  const about = { causationId: 'test', correlationId: 'p1', actor: { kind: 'system', id: 'test' } } as const;
  const stored = await embedded.ports.eventStore.append(
    pipelineStream('p1'),
    [{ ...event, ...about, id: 'assigned' }],
    -1,
  );
  assigned = stored.events[0] as Assigned;
};

/** What an earlier process had recorded of the attempt before it died. */
export const recordedBefore = async (...facts: ('started' | 'finished')[]): Promise<void> => {
  const attempt = { attemptId: ATTEMPT, pipelineId: 'p1', jobId: 'p1.0', attempt: 1, runnerId: 'one' };
  const started = AttemptStarted({ ...attempt, executor: 'process' });
  const finished = AttemptFinished({ ...attempt, outcome: 'success', durationMs: 1, commits: [] });
  const cause = { id: 'earlier', actor: { kind: 'runner', id: 'one' } } as const;
  const stream = attemptStream(ATTEMPT);
  await commands().handle(stream, attemptDecider, { type: 'StartAttempt', started }, cause);
  if (facts.includes('finished'))
    await commands().handle(stream, attemptDecider, { type: 'FinishAttempt', facts: [], finished }, cause);
};

export const eventsOf = (attemptId: string): Promise<RecordedEvent[]> =>
  embedded.ports.eventStore.readStream(attemptStream(attemptId), 0);
export const directories = (): string[] => readdirSync(join(directory, 'data/runners/jobs'));
/** Resolves once it is so; fails when that takes too long. */
export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await isSo());) {
    if (Date.now() > end) throw new Error('this did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
/** Resolves when the attempt has ended and nothing of it is left. */
export const ended = () =>
  until(async () => (await eventsOf(ATTEMPT)).at(-1)?.type === 'AttemptFinished' && directories().length === 0);
export const script = (...commands: string[]): Partial<PlannedJob> => ({
  steps: [{ name: 'script', kind: 'shell', commands }],
});
export const typesOf = async (): Promise<string[]> => (await eventsOf(ATTEMPT)).map(({ type }) => type);
export const finish = async () => (await eventsOf(ATTEMPT)).at(-1)!.data as ReturnType<typeof AttemptFinished>['data'];
export const log = async () => (await embedded.ports.logStore.read(ATTEMPT, 0, 1_000_000)).toString();
export const mark = () => join(directory, 'mark');
export const marked = (): string => (existsSync(mark()) ? readFileSync(mark(), 'utf8') : '');
/** A script that says that it runs, and then waits for longer than anybody does. */
export const endless = () => script(`echo running >> ${mark()}`, 'sleep 600');
export const running = () => until(() => marked() !== '');
/** Resolves when everything that the runner does is done. */
export const idle = () => runner.beforeApplicationShutdown();

export const openBench = async (): Promise<void> => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-runner-'));
  await openRunner();
};
export const closeBench = async (): Promise<void> => {
  await idle();
  await embedded.close();
  rmSync(directory, { recursive: true, force: true });
};
