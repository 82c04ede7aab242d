import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AttemptFinished,
  AttemptStarted,
  JobAssigned,
  JobStopRequested,
  attemptStream,
  pipelineStream,
  type PipelineContext,
  type PlannedJob,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import { Commands, TransientError, type Settings } from '@foldline/kernel';
import { plannedJob, sampleContext } from '@foldline/testing';
import { Workspaces } from '../workspace/workspaces.ts';
import type { Assigned } from './attempt-execution.ts';
import { attemptDecider } from './attempt.decider.ts';
import { ExecutionService } from './execution.service.ts';

const ATTEMPT = 'p1.0.1';
const OFFER = {
  cluster: { id: 'one', power: 'high-power' },
  cpu: 1,
  memoryBytes: 1,
  diskBytes: 1,
  slots: 1,
  executors: ['process'],
} as const;

let directory: string;
let embedded: EmbeddedPorts;
let runner: ExecutionService;
let assigned: Assigned;

const commands = () => new Commands(embedded.ports.eventStore, embedded.ports.clock, 'runner');

const openRunner = async (): Promise<void> => {
  const settings = {
    dataDirectory: join(directory, 'data'),
    logLevel: 'silent',
    runners: [{ id: 'one', offer: OFFER }],
  } as unknown as Settings;
  mkdirSync(settings.dataDirectory, { recursive: true });
  embedded = await openEmbeddedPorts(settings, []);
  const { ports } = embedded;
  const workspaces = new Workspaces({ directory: settings.dataDirectory, repositories: ports.sourceRepository });
  runner = new ExecutionService(commands(), ports, workspaces, ports.settings);
};

const commitOf = (repository: string): string => {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  mkdirSync(repository);
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(repository, 'README.md'), 'shop\n');
  git('add', '--all');
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', 'shop');
  return git('rev-parse', 'HEAD');
};

const assign = async (more: Partial<PlannedJob> = {}, around: Partial<PipelineContext> = {}): Promise<void> => {
  const repository = join(directory, 'repository');
  const sha = commitOf(repository);
  const context = { ...sampleContext, sha, project: { ...sampleContext.project, url: repository }, ...around };
  const event = JobAssigned({
    pipelineId: 'p1',
    jobId: 'p1.0',
    attempt: 1,
    runnerId: 'one',
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
const recordedBefore = async (...facts: ('started' | 'finished')[]): Promise<void> => {
  const attempt = { attemptId: ATTEMPT, pipelineId: 'p1', jobId: 'p1.0', attempt: 1, runnerId: 'one' };
  const started = AttemptStarted({ ...attempt, executor: 'process' });
  const finished = AttemptFinished({ ...attempt, outcome: 'success', durationMs: 1, commits: [] });
  const cause = { id: 'earlier', actor: { kind: 'runner', id: 'one' } } as const;
  const stream = attemptStream(ATTEMPT);
  await commands().handle(stream, attemptDecider, { type: 'StartAttempt', started }, cause);
  if (facts.includes('finished'))
    await commands().handle(stream, attemptDecider, { type: 'FinishAttempt', facts: [], finished }, cause);
};

const eventsOf = (attemptId: string): Promise<RecordedEvent[]> =>
  embedded.ports.eventStore.readStream(attemptStream(attemptId), 0);
const directories = (): string[] => readdirSync(join(directory, 'data/runners/jobs'));
/** Resolves once it is so; fails when that takes too long. */
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await isSo());) {
    if (Date.now() > end) throw new Error('this did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
/** Resolves when the attempt has ended and nothing of it is left. */
const ended = () =>
  until(async () => (await eventsOf(ATTEMPT)).at(-1)?.type === 'AttemptFinished' && directories().length === 0);
const script = (...commands: string[]): Partial<PlannedJob> => ({
  steps: [{ name: 'script', kind: 'shell', commands }],
});
const typesOf = async (): Promise<string[]> => (await eventsOf(ATTEMPT)).map(({ type }) => type);
const finish = async () => (await eventsOf(ATTEMPT)).at(-1)!.data as ReturnType<typeof AttemptFinished>['data'];
const log = async () => (await embedded.ports.logStore.read(ATTEMPT, 0, 1_000_000)).toString();
const mark = () => join(directory, 'mark');
const marked = (): string => (existsSync(mark()) ? readFileSync(mark(), 'utf8') : '');
/** A script that says that it runs, and then waits for longer than anybody does. */
const endless = () => script(`echo running >> ${mark()}`, 'sleep 600');
const running = () => until(() => marked() !== '');
/** Resolves when everything that the runner does is done. */
const idle = () => runner.beforeApplicationShutdown();

describe('a runner', () => {
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-runner-'));
    await openRunner();
  });
  afterEach(async () => {
    await idle();
    await embedded.close();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('that is given a job which an earlier process has finished', () => {
    it('does not run it again and leaves no directory behind', async () => {
      await assign();
      await recordedBefore('started', 'finished');

      await runner.accept(assigned);

      expect((await eventsOf(ATTEMPT)).map(({ type }) => type)).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(directories()).toEqual([]);
    });
  });

  describe('that is given a job', () => {
    it('records its start, its steps and its end, keeps its log, and leaves no directory', async () => {
      await assign();

      await runner.accept(assigned);
      await ended();

      expect(await typesOf()).toEqual(['AttemptStarted', 'StepFinished', 'StepFinished', 'AttemptFinished']);
      expect(await finish()).toMatchObject({ outcome: 'success', exitCode: 0, commits: [] });
      expect(await log()).toMatch(/Running on one.*Checked out.*built\n/s);
      const sealing = embedded.ports.logStore.seal(ATTEMPT, (await finish()).log!);
      await expect(sealing).resolves.toBeUndefined();
    });

    it('runs it once, however often it is given', async () => {
      await assign(script(`echo ran >> ${mark()}`));

      await Promise.all([runner.accept(assigned), runner.accept(assigned)]);
      await ended();
      await runner.accept(assigned);
      await idle();

      expect(marked()).toBe('ran\n');
      expect((await typesOf()).filter((type) => type === 'AttemptStarted')).toHaveLength(1);
    });

    it('leaves it alone when it is another runner’s', async () => {
      await assign();

      await runner.accept({ ...assigned, data: { ...assigned.data, runnerId: 'two' } });
      await idle();

      expect({ events: await typesOf(), directories: directories() }).toEqual({ events: [], directories: [] });
    });

    it('shows its secrets to the job and to nobody else', async () => {
      const sealed = embedded.ports.secretBox.seal('hunter2-long', 'project:pr1:secret:deploy');
      await assign(
        { ...script(`echo $KEY > ${mark()}`, 'echo key is $KEY'), secrets: { KEY: { vault: 'deploy' } } },
        { secrets: [{ path: 'deploy', sealed }] },
      );

      await runner.accept(assigned);
      await ended();

      expect(marked()).toBe('hunter2-long\n');
      expect(await log()).toContain('key is [masked]');
      expect(JSON.stringify([await log(), await eventsOf(ATTEMPT)])).not.toContain('hunter2');
    });

    it('fails it when the vault lacks a secret, as a mistake of the definition', async () => {
      await assign({ secrets: { KEY: { vault: 'none' } } });

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'config_error' });
    });

    it('fails it when its commit cannot be had, and leaves no directory', async () => {
      await assign({}, { sha: 'f'.repeat(40) });

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'runner_system_failure' });
      expect(await log()).toContain('has no commit');
    });

    it('says how it ended also when its output was too much for the log', async () => {
      await assign({
        ...script("head -c 17000000 /dev/zero | tr '\\0' x", 'touch kept', 'exit 3'),
        artifacts: { paths: ['kept'], exclude: [], when: 'always', reports: [] },
      });

      await runner.accept(assigned);
      await ended();

      const { log, outcome } = await finish();
      const end = (await embedded.ports.logStore.read(ATTEMPT, log!.bytes - 400, log!.bytes)).toString();
      expect(end).toMatch(/x\n\[log exceeded .*Uploaded artifacts: 1 files.*Job failed: exit code 3[^\n]*\n$/s);
      expect(outcome).toBe('failed');
      await expect(embedded.ports.logStore.seal(ATTEMPT, log!)).resolves.toBeUndefined();
    });

    it('records its end also when its log cannot be kept', async () => {
      await assign();
      embedded.ports.logStore.append = async () => {
        throw new TransientError('the disk is full');
      };

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'runner_system_failure' });
      expect((await finish()).log).toBeUndefined();
    });
  });

  describe('that is told to stop a job', () => {
    const stop = (jobId: string): void =>
      runner.stop({
        data: { pipelineId: 'p1', jobId, attempt: 1, runnerId: 'one', because: 'cancelled' },
      } as unknown as Recorded<ReturnType<typeof JobStopRequested>>);

    it('ends it, and tells that it was cancelled', async () => {
      await assign(endless());
      await runner.accept(assigned);
      await running();

      stop('p1.0');
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'cancelled', reason: 'cancelled' });
    });

    it('does nothing when that is not running here', async () => {
      await assign();

      expect(() => stop('p1.7')).not.toThrow();
    });
  });

  describe('that shuts down', () => {
    it('ends its jobs at once and reports them as lost', async () => {
      await assign(endless());
      await runner.accept(assigned);
      await running();

      await idle();

      expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
      expect(directories()).toEqual([]);
      expect((await embedded.ports.executor.sweep(ATTEMPT)).killed).toBe(0);
    });

    it('waits for a job that it is just taking, and reports it as lost too', async () => {
      await assign(endless());
      const taking = runner.accept(assigned);

      await idle();
      await taking;

      expect(await typesOf()).toEqual(expect.arrayContaining(['AttemptStarted', 'AttemptFinished']));
      expect(await finish()).toMatchObject({ outcome: 'lost' });
      expect(marked()).toBe('');
    });

    it('takes no more: the job is given again later', async () => {
      await assign();
      await idle();

      await expect(runner.accept(assigned)).rejects.toBeInstanceOf(TransientError);
      expect(await typesOf()).toEqual([]);
    });
  });

  describe('that starts after a crash', () => {
    const leftover = (): string => {
      const path = join(directory, 'data/runners/jobs', ATTEMPT);
      mkdirSync(path, { recursive: true });
      return path;
    };

    it('kills what an attempt left running, reports it as lost, and removes its directory', async () => {
      await assign();
      await recordedBefore('started');
      const scratchDirectory = leftover();
      const { ports } = embedded;
      const left = await ports.executor.start({
        attemptId: ATTEMPT,
        commands: [`echo running >> ${mark()}`, 'sleep 600'],
        workingDirectory: scratchDirectory,
        scratchDirectory,
        environment: {},
        onOutput: () => undefined,
      });
      await running();

      await runner.onApplicationBootstrap();

      expect(await left.finished).toEqual({ signal: 'SIGKILL' });
      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost', runnerId: 'one', jobId: 'p1.0' });
      expect((await finish()).log).toBeUndefined();
      expect(directories()).toEqual([]);
    });

    it('reports it once, however often it starts', async () => {
      await assign();
      await recordedBefore('started');
      for (let starts = 0; starts < 2; starts += 1) {
        leftover();
        await runner.onApplicationBootstrap();
      }

      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
    });

    it('only removes what is left of an attempt whose end was recorded', async () => {
      await assign();
      await recordedBefore('started', 'finished');
      leftover();

      await runner.onApplicationBootstrap();

      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(directories()).toEqual([]);
    });

    it('runs a job that had not been started when it is given again', async () => {
      await assign();
      leftover();

      await runner.onApplicationBootstrap();
      const left = directories();
      await runner.accept(assigned);
      await ended();

      expect(left).toEqual([]);
      expect(await finish()).toMatchObject({ outcome: 'success' });
    });
  });
});
