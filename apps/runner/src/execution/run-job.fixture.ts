import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedJob, ScriptStep } from '@foldline/contracts';
import { Slots } from '@foldline/kernel';
import type {
  Execution,
  ExecutionResult,
  ExecutionSpec,
  Executor,
  ObjectStore,
  ReadStore,
  Site,
  SiteSpec,
} from '@foldline/kernel';
import { openFileObjectStore } from '@foldline/object-store-files';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { ManualClock, plannedJob, sampleContext } from '@foldline/testing';
import type { AttemptFact } from './attempt.decider.ts';
import type { JobResult } from './job-endings.ts';
import { layersIn } from '../layers/layers.fixture.ts';
import type { JobScene } from './job-scene.ts';
import { JobRun } from './run-job.ts';
import { ScriptedImages } from './scripted-images.fixture.ts';

export const TIMEOUT_S = 60;

/** An executor whose shells do what the spec says, when it says so. */
class ScriptedExecutor implements Executor {
  readonly shells: Shell[] = [];
  /** How many shells each place had had when it was closed. */
  readonly closed: number[] = [];
  /** How many places were not wanted any more before there was anything in them. */
  givenUp = 0;
  whileStarting: () => void = () => undefined;
  private readonly waiting: ((shell: Shell) => void)[] = [];
  private handed = 0;

  kinds(): Promise<string[]> {
    return Promise.resolve([this.kindOf()]);
  }

  kindOf(): string {
    return 'process';
  }

  async close(): Promise<void> {}

  async open(site: SiteSpec): Promise<Site> {
    if (site.filled) prepared.push('place');
    await site.filled?.catch((error: unknown) => {
      this.givenUp += 1;
      throw error;
    });
    return {
      start: (spec) => this.start({ ...site, ...spec }),
      lend: async (work) => void (await work()),
      close: async () => void this.closed.push(this.shells.length),
    };
  }

  private async start(spec: Shell['spec']): Promise<Execution> {
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

  constructor(readonly spec: SiteSpec & ExecutionSpec) {
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

export let directory: string;
export let objects: ObjectStore;
export let reads: ReadStore;
export let clock: ManualClock;
export let executor: ScriptedExecutor;
export let images: ScriptedImages;
export let turns: Slots;
export let facts: AttemptFact[];
export let warnings: string[];
export let told: string[];
export let output: string;
/** What was seen to before the script, in its order. */
export let prepared: string[];
let checkingOut: () => void;
export const whileCheckingOut = (something: () => void): void => void (checkingOut = something);

/** A fresh place, with an executor that waits to be told. */
export const openScene = async (): Promise<void> => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-run-'));
  mkdirSync(join(directory, 'workspace'));
  objects = await openFileObjectStore({ directory: join(directory, 'objects') });
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  clock = new ManualClock();
  executor = new ScriptedExecutor();
  images = new ScriptedImages();
  turns = new Slots(1);
  [facts, warnings, told, output, prepared] = [[], [], [], '', []];
  checkingOut = () => undefined;
};
export const closeScene = async (): Promise<void> => {
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
};

const step = (name: ScriptStep['name'], ...commands: string[]): ScriptStep => ({ name, kind: 'shell', commands });
export const SCRIPT = step('script', 'make');
export const HOOK = { preGetSources: ['prepare'] };
export const AFTER = step('after_script', 'clean');

/** Of a job that runs in a container. */
export const IN_CONTAINER: Pick<JobScene, 'container'> = {
  container: () => ({ image: 'debian', workspaceAt: '/builds/ada/engine', mounts: [] }),
};
export const runOf = (
  job: Partial<PlannedJob> = {},
  artifactJobs: string[] = [],
  scene: Pick<JobScene, 'container'> = {},
): JobRun =>
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
      layers: layersIn(directory),
      platformOf: async (tool) => tool,
      ...scene,
      variables: { NAME: 'value' },
      variablesWith: (more) => ({ NAME: 'value', ...more }),
      hide: (text) => text,
      tell: (line) => told.push(line),
      warn: (line) => warnings.push(line),
      record: (fact) => facts.push(fact),
      markLog: () => 0,
      committing: (_id, fact) => facts.push(fact),
    },
    async (chunk) => {
      output += chunk.toString();
    },
    {
      executor,
      images,
      turns,
      reads,
      objects,
      clock,
      preparation: {
        emptyWorkspace: async () => void prepared.push('empty workspace'),
        checkOut: async () => {
          prepared.push('checkout');
          checkingOut();
        },
        inputsShown: async () => void prepared.push('inputs'),
      },
    },
  );
/** Runs a job whose shells end one after the other as told. */
export const ran = async (run: JobRun, ...results: ExecutionResult[]): Promise<JobResult> => {
  const result = run.run();
  for (const end of results) (await executor.next()).end(end);
  return result;
};
export const steps = (): string[] =>
  facts.flatMap(({ type, data }) => (type === 'StepFinished' ? [`${data.index} ${data.name}: ${data.outcome}`] : []));
export const statuses = () => executor.shells.map(({ spec }) => spec.environment['CI_JOB_STATUS']);
export const types = (): string[] => facts.map(({ type }) => type);
