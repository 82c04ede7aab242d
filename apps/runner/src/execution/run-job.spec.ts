import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  artifactIndexKey,
  type ArtifactDoc,
  type CacheSpec,
  type PlannedJob,
  type PlannedStep,
} from '@foldline/contracts';
import {
  TransientError,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type Executor,
  type ObjectStore,
  type ReadStore,
} from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock, plannedJob, sampleContext } from '@foldline/testing';
import type { AttemptFact } from './attempt.decider.ts';
import type { JobResult } from './job-endings.ts';
import { JobRun } from './run-job.ts';

const TIMEOUT_S = 60;
const AFTER_SCRIPT_MS = 5 * 60_000;

/** An executor whose shells do what the spec says, when it says so. */
class ScriptedExecutor implements Executor {
  readonly kind = 'scripted';
  readonly shells: Shell[] = [];
  whileStarting: () => void = () => undefined;
  private readonly waiting: ((shell: Shell) => void)[] = [];
  private handed = 0;

  async start(spec: ExecutionSpec): Promise<Execution> {
    const shell = new Shell(spec);
    this.whileStarting();
    this.shells.push(shell);
    this.hand();
    return shell;
  }

  async sweep(): Promise<{ killed: number }> {
    return { killed: 0 };
  }

  /** The next shell, once it is started. */
  next(): Promise<Shell> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.hand();
    });
  }

  private hand(): void {
    while (this.waiting.length > 0 && this.handed < this.shells.length)
      this.waiting.shift()!(this.shells[this.handed++]!);
  }
}

class Shell implements Execution {
  readonly finished: Promise<ExecutionResult>;
  readonly stops: number[] = [];
  end!: (result: ExecutionResult) => void;
  break!: (error: Error) => void;
  /** Whether it ends as soon as it is told to. */
  obeys = true;

  constructor(readonly spec: ExecutionSpec) {
    this.finished = new Promise((resolve, reject) => {
      this.end = resolve;
      this.break = reject;
    });
  }

  stop(graceMs: number): void {
    this.stops.push(graceMs);
    if (this.obeys) this.end({ signal: 'SIGTERM' });
  }
}

let directory: string;
let objects: ObjectStore;
let reads: ReadStore;
let clock: ManualClock;
let executor: ScriptedExecutor;
let facts: AttemptFact[];
let warnings: string[];
let output: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-run-'));
  mkdirSync(join(directory, 'workspace'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  clock = new ManualClock();
  executor = new ScriptedExecutor();
  [facts, warnings, output] = [[], [], ''];
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
});

const step = (name: PlannedStep['name'], ...commands: string[]): PlannedStep => ({ name, kind: 'shell', commands });
const SCRIPT = step('script', 'make');
const AFTER = step('after_script', 'clean');

const runOf = (job: Partial<PlannedJob> = {}, artifactJobs: string[] = []): JobRun =>
  new JobRun(
    {
      assignment: {
        pipelineId: 'p1',
        jobId: 'p1.0',
        attempt: 1,
        runnerId: 'one',
        cluster: { id: 'c1', power: 'high-power' },
        job: plannedJob(0, 'build', { steps: [SCRIPT], timeoutSeconds: TIMEOUT_S, ...job }),
        context: sampleContext,
        pipelineVariables: {},
        artifactJobs,
        because: { rule: 'cluster', detail: 'free', jobs: [] },
      },
      about: { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 },
      workspace: join(directory, 'workspace'),
      scratch: directory,
      variables: { NAME: 'value' },
      variablesWith: (more) => ({ NAME: 'value', ...more }),
      hide: (text) => text,
      tell: () => undefined,
      warn: (line) => warnings.push(line),
      record: (fact) => facts.push(fact),
      committing: (_id, fact) => facts.push(fact),
    },
    async (chunk) => {
      output += chunk.toString();
    },
    { executor, reads, objects, clock },
  );
/** Runs a job whose shells end one after the other as told. */
const ran = async (run: JobRun, ...results: ExecutionResult[]): Promise<JobResult> => {
  const result = run.run();
  for (const end of results) (await executor.next()).end(end);
  return result;
};
const steps = (): string[] =>
  facts.flatMap(({ type, data }) => (type === 'StepFinished' ? [`${data.index} ${data.name}: ${data.outcome}`] : []));
const statuses = () => executor.shells.map(({ spec }) => spec.environment['CI_JOB_STATUS']);
const types = (): string[] => facts.map(({ type }) => type);

describe('A job', () => {
  it('runs its script in its workspace, with its variables', async () => {
    const running = runOf().run();
    const shell = await executor.next();
    await shell.spec.onOutput(Buffer.from('made\n'));
    shell.end({ exitCode: 0 });

    expect(await running).toEqual({ outcome: 'success', exitCode: 0 });
    expect(shell.spec).toMatchObject({
      attemptId: 'p1.0.1',
      commands: ['make'],
      workingDirectory: join(directory, 'workspace'),
      scratchDirectory: directory,
      environment: { NAME: 'value', CI_JOB_STATUS: 'running' },
    });
    expect(output).toBe('made\n');
    expect(steps()).toEqual(['1 script: success']);
  });

  it('fails with the exit code of its script', async () => {
    expect(await ran(runOf(), { exitCode: 42 })).toEqual({
      outcome: 'failed',
      reason: 'script_failure',
      exitCode: 42,
      detail: 'exit code 42',
    });
    expect(facts).toMatchObject([{ data: { outcome: 'failed', exitCode: 42 } }]);
  });

  it('fails when a signal ends its script', async () => {
    expect(await ran(runOf(), { signal: 'SIGSEGV' })).toEqual({
      outcome: 'failed',
      reason: 'script_failure',
      detail: 'ended by SIGSEGV',
    });
  });

  it('succeeds without a script', async () => {
    expect(await runOf({ steps: [] }).run()).toEqual({ outcome: 'success', exitCode: 0 });
  });

  it('that asks for what cannot be done yet fails instead of running without it', async () => {
    const why = 'no releases are made yet';
    const run = runOf({ plannedOnly: [{ keyword: 'release', value: { tag_name: 'v1' }, why, stops: true }] });
    expect(await run.run()).toMatchObject({ outcome: 'failed', reason: 'config_error' });
    expect(warnings).toEqual([expect.stringContaining('`release`')]);
  });

  it('runs without what matters less', async () => {
    const plannedOnly = [{ keyword: 'pages', value: 'true', why: 'no pages are published' }];
    expect(await runOf({ plannedOnly, steps: [] }).run()).toMatchObject({ outcome: 'success' });
  });

  it.each([
    [{ image: 'node:20' }, 'the image node:20'],
    [{ services: ['postgres'] }, 'the services postgres'],
  ])('that asks for %j is told that it needs Docker, and nothing is run', async (job, asked) => {
    expect(await runOf(job).run()).toMatchObject({ outcome: 'failed', reason: 'needs_docker' });

    expect(warnings).toEqual([expect.stringContaining(asked)]);
    expect(executor.shells).toEqual([]);
  });

  it('tells its coverage, also when it fails', async () => {
    const running = runOf({ coverage: String.raw`(\d+)%` }).run();
    const shell = await executor.next();
    await shell.spec.onOutput(Buffer.from('covered 87%\n'));
    shell.end({ exitCode: 1 });

    expect(await running).toMatchObject({ outcome: 'failed', coverage: 87 });
  });

  it('is the runner’s trouble when nobody knows how its script ended', async () => {
    const running = runOf().run();
    (await executor.next()).break(new TransientError('the process that starts programs has died'));

    await expect(running).rejects.toBeInstanceOf(TransientError);
  });

  describe('with an after_script', () => {
    const job = { steps: [SCRIPT, AFTER] };

    it.each([
      [{ exitCode: 0 }, 'success'],
      [{ exitCode: 1 }, 'failed'],
    ] as const)('runs it in a shell of its own after a script that ended with %j', async (end, outcome) => {
      expect(await ran(runOf(job), end, { exitCode: 0 })).toMatchObject({ outcome, exitCode: end.exitCode });
      expect(executor.shells.map(({ spec }) => spec.commands)).toEqual([['make'], ['clean']]);
      expect(statuses()).toEqual(['running', outcome]);
    });

    it('ends as its script did, whatever comes of it', async () => {
      expect(await ran(runOf(job), { exitCode: 0 }, { exitCode: 7 })).toEqual({ outcome: 'success', exitCode: 0 });
      expect(steps()).toEqual(['1 script: success', '2 after_script: failed']);
    });

    it('stops it when it takes too long', async () => {
      const running = runOf(job).run();
      (await executor.next()).end({ exitCode: 0 });
      const after = await executor.next();
      await clock.sleeping(AFTER_SCRIPT_MS);
      clock.advance(AFTER_SCRIPT_MS);

      expect(await running).toMatchObject({ outcome: 'success' });
      expect(after.stops.length).toBeGreaterThan(0);
    });
  });

  describe('that takes too long', () => {
    it('is stopped, and has timed out whatever its exit code', async () => {
      const running = runOf().run();
      const shell = await executor.next();
      shell.obeys = false;
      clock.advance(TIMEOUT_S * 1000);
      await new Promise((resolve) => setImmediate(resolve));
      shell.end({ exitCode: 0 });

      expect(await running).toEqual({
        outcome: 'timed_out',
        reason: 'job_timeout',
        detail: `it ran longer than its timeout of ${TIMEOUT_S} s`,
        exitCode: 0,
      });
      expect(shell.stops).toEqual([10_000]);
    });

    it('still runs its after_script and keeps what is always kept', async () => {
      writeFileSync(join(directory, 'workspace/trace'), 'x');
      const artifacts = { paths: ['trace'], exclude: [], when: 'always' as const, reports: [] };
      const running = runOf({ steps: [SCRIPT, AFTER], artifacts }).run();
      await executor.next();
      clock.advance(TIMEOUT_S * 1000);
      (await executor.next()).end({ exitCode: 0 });

      expect(await running).toMatchObject({ outcome: 'timed_out' });
      expect(types()).toContain('ArtifactUploaded');
    });
  });

  describe('that is cancelled', () => {
    const job = {
      steps: [SCRIPT, AFTER],
      artifacts: { paths: ['trace'], exclude: [], when: 'always' as const, reports: [] },
      cache: [
        { key: { text: 'k' }, paths: ['trace'], policy: 'push' as const, fallbackKeys: [], when: 'always' as const },
      ],
    };
    beforeEach(() => writeFileSync(join(directory, 'workspace/trace'), 'x'));

    it('before it began runs nothing', async () => {
      const run = runOf(job);
      run.stop('cancelled');

      expect(await run.run()).toEqual({ outcome: 'cancelled', reason: 'cancelled' });
      expect({ shells: executor.shells, facts }).toEqual({ shells: [], facts: [] });
    });

    it('while its script is being started stops it at once', async () => {
      const run = runOf();
      executor.whileStarting = () => run.stop('cancelled');

      expect(await run.run()).toMatchObject({ outcome: 'cancelled' });
      expect(executor.shells[0]!.stops).toEqual([10_000]);
    });

    it('while its script runs stops it, runs its after_script, and keeps nothing', async () => {
      const run = runOf(job);
      const running = run.run();
      const shell = await executor.next();
      run.stop('cancelled');
      (await executor.next()).end({ exitCode: 0 });

      expect(await running).toEqual({ outcome: 'cancelled', reason: 'cancelled' });
      expect({ stops: shell.stops, told: statuses() }).toEqual({ stops: [10_000], told: ['running', 'canceled'] });
      expect(steps()).toEqual(['1 restore caches: success', '2 script: failed', '3 after_script: success']);
      expect(types().filter((type) => type.endsWith('Uploaded'))).toEqual([]);
    });

    it('twice, or late, stays what it was first', async () => {
      const run = runOf();
      const running = run.run();
      await executor.next();
      run.stop('cancelled');
      run.stop('timed_out');
      clock.advance(TIMEOUT_S * 1000);

      expect(await running).toMatchObject({ outcome: 'cancelled' });
    });

    it('in its after_script has that stopped, and ends as its script did', async () => {
      const run = runOf({ steps: [SCRIPT, AFTER] });
      const running = run.run();
      (await executor.next()).end({ exitCode: 0 });
      const after = await executor.next();
      run.stop('cancelled');

      expect(await running).toMatchObject({ outcome: 'success' });
      expect(after.stops).toEqual([10_000]);
    });

    it('after its end stays as it ended', async () => {
      const run = runOf();
      const result = await ran(run, { exitCode: 0 });
      run.stop('cancelled');

      expect(result).toMatchObject({ outcome: 'success' });
    });
  });

  it('whose runner shuts down is lost, at once and without its after_script', async () => {
    const run = runOf({ steps: [SCRIPT, AFTER] });
    const running = run.run();
    await executor.next();
    run.stop('shutdown');

    expect(await running).toEqual({
      outcome: 'lost',
      reason: 'runner_lost',
      detail: 'the runner was shut down',
    });
    expect(executor.shells).toHaveLength(1);
  });

  it('restores, runs and keeps in this order', async () => {
    writeFileSync(join(directory, 'workspace/out'), 'x');
    const cache: CacheSpec = {
      key: { text: 'k' },
      paths: ['out'],
      policy: 'pull-push',
      fallbackKeys: [],
      when: 'always',
    };
    const artifacts = { paths: ['out'], exclude: [], when: 'on_success' as const, reports: [] };
    const run = runOf({ steps: [SCRIPT, AFTER], cache: [cache], artifacts }, ['p0.0']);
    await ran(run, { exitCode: 0 }, { exitCode: 0 });

    expect(steps().map((line) => line.replace(': success', ''))).toEqual([
      '1 restore caches',
      '2 download artifacts',
      '3 script',
      '4 after_script',
      '5 save caches',
      '6 upload artifacts',
    ]);
  });

  it('that misses an artifact fails before its script', async () => {
    const doc = { jobId: 'p1.1', kind: 'archive', attempt: 1, status: 'expired' } as ArtifactDoc;
    const indexes = { byJob: artifactIndexKey('p1.1', 'a') };
    await reads.apply('storage', 1, [{ collection: COLLECTION.artifacts, id: 'a', doc, indexes }]);

    expect(await runOf({}, ['p1.1']).run()).toEqual({
      outcome: 'failed',
      reason: 'missing_artifact',
      detail: 'the artifacts of job p1.1 have expired',
    });
    expect(executor.shells).toEqual([]);
  });
});
