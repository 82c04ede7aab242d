import { StepFinished, type FailureReason, type Outcome, type PlannedStep } from '@foldline/contracts';
import type { Clock, Execution, Executor, ObjectStore, ReadStore } from '@foldline/kernel';
import { applies, downloadArtifacts, uploadArtifacts } from '../storage/job-artifacts.ts';
import { restoreCaches, saveCaches, type JobCache } from '../storage/job-caches.ts';
import { CoverageScanner } from './coverage.ts';
import type { JobScene } from './job-scene.ts';

/** SIGTERM first, SIGKILL after this. */
const GRACE_MS = 10_000;
const AFTER_SCRIPT_MS = 5 * 60_000;

export type StopReason = 'cancelled' | 'timed_out' | 'shutdown' | 'lease_lost';
/** Others may do the job by now, so nothing of it is finished in order. */
const atOnce = (reason: StopReason | undefined): boolean => reason === 'shutdown' || reason === 'lease_lost';
/** The first reason counts, except that a runner without a lease has no time for any other. */
export const overrides = (reason: StopReason, before: StopReason | undefined): boolean =>
  before === undefined || reason === 'lease_lost';
const graceOf = (reason: StopReason): number => (reason === 'lease_lost' ? 0 : GRACE_MS);

export type JobResult = {
  outcome: Outcome;
  reason?: FailureReason;
  detail?: string;
  exitCode?: number;
  coverage?: number;
};
type JobTools = { executor: Executor; reads: ReadStore; objects: ObjectStore; clock: Clock };
type Step = { name: string; run: () => Promise<StepResult> };
type StepResult = { outcome: 'success' | 'failed' | 'skipped'; exitCode?: number; detail?: string };

/**
 * One attempt from its workspace to its uploads: caches, artifacts, script, after_script, caches, artifacts.
 * A job that fails is a result; what throws is the runner's own trouble.
 */
export class JobRun {
  private execution: Execution | undefined;
  private stopped: StopReason | undefined;
  private stepIndex = 0;
  private readonly coverage: CoverageScanner | undefined;

  constructor(
    private readonly scene: JobScene,
    private readonly output: (chunk: Buffer) => Promise<void>,
    private readonly tools: JobTools,
  ) {
    const { coverage } = scene.assignment.job;
    this.coverage = coverage === undefined ? undefined : new CoverageScanner(coverage);
  }

  /** Ends the job as soon as its processes have gone; without a lease they get no time to go by themselves. */
  stop(reason: StopReason): void {
    if (overrides(reason, this.stopped)) this.stopped = reason;
    this.execution?.stop(graceOf(reason));
  }

  async run(): Promise<JobResult> {
    const done = new AbortController();
    const { timeoutSeconds } = this.scene.assignment.job;
    void this.tools.clock.sleep(timeoutSeconds * 1000, done.signal).then(() => {
      if (!done.signal.aborted) this.stop('timed_out');
    });
    try {
      return await this.phases();
    } finally {
      done.abort();
    }
  }

  private async phases(): Promise<JobResult> {
    const { scene, tools } = this;
    const refused = refusalOf(scene);
    if (refused) return refused;
    if (this.stopped) return this.ended();
    const caches = await this.inStep('restore caches', scene.assignment.job.cache.length > 0, () =>
      restoreCaches(scene, tools.reads, tools.objects),
    );
    const missing = await this.inStep('download artifacts', scene.assignment.artifactJobs.length > 0, () =>
      downloadArtifacts(scene, tools.reads, tools.objects),
    );
    if (missing) return { outcome: 'failed', reason: 'missing_artifact', detail: missing };
    // After the script comes after_script, whatever happened; there is nothing to clean up when neither began.
    if (this.stopped) return this.ended();
    const [script, after] = stepsOf(scene);
    const result = await this.script(script);
    if (after) await this.afterScript(after);
    if (atOnce(this.stopped)) return this.ended();
    if (result.outcome !== 'cancelled') await this.keep(caches ?? [], result.outcome === 'success');
    return this.withCoverage(result);
  }

  private async script(step: PlannedStep | undefined): Promise<JobResult> {
    if (!step) return { outcome: 'success', exitCode: 0 };
    const finished = await this.step({ name: step.name, run: () => this.shell(step) });
    if (this.stopped)
      return { ...this.ended(), ...(finished.exitCode === undefined ? {} : { exitCode: finished.exitCode }) };
    const { exitCode, detail } = finished;
    if (finished.outcome === 'success') return { outcome: 'success', exitCode: 0 };
    return {
      outcome: 'failed',
      reason: 'script_failure',
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(detail ? { detail } : {}),
    };
  }

  /** Runs whatever the script did, in a shell of its own and with its own time; its result changes nothing (S0-09). */
  private async afterScript(step: PlannedStep): Promise<void> {
    const outcome = this.stopped;
    if (atOnce(outcome)) return;
    this.stopped = undefined;
    const late = new AbortController();
    void this.tools.clock.sleep(AFTER_SCRIPT_MS, late.signal).then(() => {
      if (!late.signal.aborted) this.execution?.stop(GRACE_MS);
    });
    await this.step({ name: step.name, run: () => this.shell(step) }).finally(() => late.abort());
    if (outcome && this.stopped !== 'lease_lost') this.stopped = outcome;
  }

  private async keep(caches: JobCache[], succeeded: boolean): Promise<void> {
    const { scene, tools } = this;
    await this.inStep(
      'save caches',
      caches.some(({ spec }) => spec.policy !== 'pull' && applies(spec.when, succeeded)),
      () => saveCaches(caches, scene, tools.reads, tools.objects, succeeded),
    );
    const spec = scene.assignment.job.artifacts;
    await this.inStep('upload artifacts', spec !== undefined && applies(spec.when, succeeded), () =>
      uploadArtifacts(scene, tools.objects, succeeded),
    );
  }

  private async shell(step: PlannedStep): Promise<StepResult> {
    const { scene } = this;
    this.execution = await this.tools.executor.start({
      attemptId: scene.about.attemptId,
      commands: step.commands,
      workingDirectory: scene.workspace,
      scratchDirectory: scene.scratch,
      environment: scene.variables,
      onOutput: async (chunk) => {
        this.coverage?.push(chunk);
        await this.output(chunk);
      },
    });
    if (this.stopped) this.execution.stop(graceOf(this.stopped));
    const { exitCode, signal } = await this.execution.finished;
    this.execution = undefined;
    if (exitCode === 0) return { outcome: 'success', exitCode };
    return exitCode === undefined
      ? { outcome: 'failed', detail: `ended by ${signal ?? 'a signal'}` }
      : { outcome: 'failed', exitCode, detail: `exit code ${exitCode}` };
  }

  private async inStep<Value>(name: string, needed: boolean, work: () => Promise<Value>): Promise<Value | undefined> {
    if (!needed) return undefined;
    let value: Value | undefined;
    await this.step({
      name,
      run: async () => {
        value = await work();
        return { outcome: 'success' };
      },
    });
    return value;
  }

  private async step({ name, run }: Step): Promise<StepResult> {
    const index = this.stepIndex++;
    const began = this.tools.clock.monotonic();
    const result = await run();
    const durationMs = Math.round(this.tools.clock.monotonic() - began);
    this.scene.record(StepFinished({ ...this.scene.about, index, name, durationMs, ...result }));
    return result;
  }

  private ended(): JobResult {
    if (this.stopped === 'timed_out') {
      const { timeoutSeconds } = this.scene.assignment.job;
      return {
        outcome: 'timed_out',
        reason: 'job_timeout',
        detail: `it ran longer than its timeout of ${timeoutSeconds} s`,
      };
    }
    if (this.stopped === 'shutdown')
      return { outcome: 'lost', reason: 'runner_lost', detail: 'the runner was shut down' };
    if (this.stopped === 'lease_lost')
      return { outcome: 'lost', reason: 'runner_lost', detail: 'the runner lost its lease and stopped it' };
    return { outcome: 'cancelled', reason: 'cancelled' };
  }

  private withCoverage(result: JobResult): JobResult {
    const coverage = this.coverage?.percentage();
    return coverage === undefined ? result : { ...result, coverage };
  }
}

/** `script`, and `after_script` if there is one. */
const stepsOf = ({ assignment }: JobScene): [PlannedStep | undefined, PlannedStep | undefined] => [
  assignment.job.steps.find(({ name }) => name === 'script'),
  assignment.job.steps.find(({ name }) => name === 'after_script'),
];

const refusalOf = ({ assignment, warn }: JobScene): JobResult | undefined => {
  const { image, services } = assignment.job;
  if (!image && services.length === 0) return undefined;
  const asked = image ? `the image ${image}` : `the services ${services.join(', ')}`;
  const detail = `this job asks for ${asked} and needs Docker; this runner runs jobs as processes of its host`;
  warn(detail);
  return { outcome: 'failed', reason: 'needs_docker', detail };
};
