import type { Clock, Executor } from '@foldline/kernel';
import { addressNow, handOnVariables, variablesOf } from '../storage/handed-on.ts';
import { hasReports, readReports } from '../reports/read-reports.ts';
import { applies, downloadArtifacts, inheritedArtifacts, keepsAny, uploadArtifacts } from '../storage/job-artifacts.ts';
import { findCaches, restoreCaches, saveCaches, type JobCache } from '../storage/job-caches.ts';
import { resumeFrom, snapshotFor, takeSnapshot, takesSnapshots } from '../storage/job-snapshots.ts';
import { StoragePhase, type JobStores, type StorageUse } from '../storage/storage-phase.ts';
import { CoverageScanner } from './coverage.ts';
import { refusalOf, statusOf, stepsOf, stoppedBy, type JobResult, type ShellStep } from './job-endings.ts';
import type { JobScene, Preparation } from './job-scene.ts';
import type { ImageTools } from './image-step.ts';
import { JobShell } from './job-shell.ts';
import { JobSteps } from './job-steps.ts';
import { JobWork } from './job-work.ts';
import { GRACE_MS, atOnce, overrides, type StopReason } from './stop-reason.ts';
import { TimeLimit } from './time-limit.ts';

const AFTER_SCRIPT_MS = 5 * 60_000;

type JobTools = JobStores & ImageTools & { executor: Executor; clock: Clock; preparation: Preparation };
type Inputs = { caches: JobCache[]; missing: string | undefined; resumed?: { from: number; step: number } };

/**
 * One attempt from its hook to its uploads: checkout, caches, artifacts, script, after_script, caches, artifacts.
 * A job that fails is a result; what throws is the runner's own trouble.
 */
export class JobRun {
  private stopped: StopReason | undefined;
  private readonly steps: JobSteps;
  private storage: StoragePhase | undefined;
  /** Variables that earlier jobs have handed on. */
  private received: Readonly<Record<string, string>> = {};
  private readonly limit: TimeLimit;
  private readonly coverage: CoverageScanner | undefined;
  private readonly shells: JobShell;
  private readonly work: JobWork;
  /** Until the workspace alone is no longer what later steps need. */
  private keepsStates = true;

  constructor(
    private scene: JobScene,
    output: (chunk: Buffer) => Promise<void>,
    private readonly tools: JobTools,
  ) {
    const { coverage } = scene.assignment.job;
    this.steps = new JobSteps(scene, tools.clock);
    this.coverage = coverage === undefined ? undefined : new CoverageScanner(coverage);
    const { timeoutSeconds } = scene.assignment.job;
    this.shells = new JobShell(tools.executor, async (chunk) => {
      this.coverage?.push(chunk);
      await output(chunk);
    });
    this.limit = new TimeLimit(tools.clock, timeoutSeconds * 1000, () => this.stop('timed_out'));
    const { steps, shells, limit } = this;
    this.work = new JobWork({ ...tools, steps, shells, limit, output, stopped: () => this.stopped });
  }

  /** Ends the job as soon as its processes have gone; without a lease they get no time to go by themselves. */
  stop(reason: StopReason): void {
    if (overrides(reason, this.stopped)) this.stopped = reason;
    this.work.stop(reason);
    this.storage?.stop(reason);
  }

  async run(): Promise<JobResult> {
    this.limit.resume();
    try {
      const result = await this.phases();
      const { usage } = this.shells;
      return usage ? { ...result, usage } : result;
    } finally {
      this.limit.pause();
      await this.shells.close();
    }
  }

  private async phases(): Promise<JobResult> {
    const { scene } = this;
    const refused = refusalOf(scene);
    if (refused) return refused;
    if (this.stopped) return this.ended();
    const { hook, after, ...parts } = stepsOf(scene);
    if (hook) {
      await this.tools.preparation.emptyWorkspace();
      const result = await this.work.script(hook, scene);
      await this.shells.close();
      if (result.outcome !== 'success') return result;
    }
    this.shells.foresee(scene);
    await this.checkOut();
    if (this.stopped) return this.ended();
    const inputs = await this.withStores('inputs', (stores) => this.inputs(stores));
    if ('end' in inputs) return inputs.end;
    const { caches, missing, resumed } = inputs.value;
    if (missing) return { outcome: 'failed', reason: 'missing_artifact', detail: missing };
    // After the script comes after_script, whatever happened; there is nothing to clean up when neither began.
    if (this.stopped) return this.ended();
    const kept = { ...(resumed && { resumed }), keep: (step: number) => this.keepState(step, caches) };
    const result = await this.work.carryOut(parts, this.scene, kept);
    if (after) await this.afterScript(after, result);
    await this.shells.close();
    if (atOnce(this.stopped)) return this.ended();
    if (result.outcome === 'cancelled') return this.withCoverage(result);
    const end = await this.withStores('results', (stores) => this.keep(stores, caches, result));
    return this.withCoverage('end' in end ? this.notKept(result, end.end) : end.value);
  }

  /** Waits while the stores do not answer; what is not done in the end is how the job ends. */
  private async withStores<Value>(
    use: StorageUse,
    work: (stores: JobStores) => Promise<Value>,
  ): Promise<{ value: Value } | { end: JobResult }> {
    const { scene, tools, limit } = this;
    const phase = new StoragePhase(use, tools, { clock: tools.clock, limit, scene });
    this.storage = phase;
    if (this.stopped) phase.stop(this.stopped);
    try {
      return { value: await work(phase.stores) };
    } catch (error) {
      if (phase.wasStopped(error)) return { end: this.ended() };
      const failure = phase.failureOf(error);
      if (failure) return { end: { outcome: 'failed', ...failure } };
      throw error;
    } finally {
      this.storage = undefined;
    }
  }

  private async inputs({ reads, objects }: JobStores): Promise<Inputs> {
    const inherited = await inheritedArtifacts(this.scene, reads);
    if (inherited.missing !== undefined) return { caches: [], missing: inherited.missing };
    this.received = await variablesOf(inherited.dotenv, this.scene, objects);
    // Keys of caches may name them, so they come first.
    this.scene = { ...this.scene, variables: this.scene.variablesWith(this.received) };
    const { scene } = this;
    const snapshot = await snapshotFor(scene, reads);
    const restore = async (): Promise<Omit<Inputs, 'missing'>> => {
      const caches = await findCaches(scene, reads);
      if (snapshot && (await resumeFrom(snapshot, caches, scene, objects)))
        return { caches, resumed: { from: snapshot.attempt, step: snapshot.step } };
      await restoreCaches(caches, scene, objects, takesSnapshots(scene) ? {} : undefined);
      return { caches };
    };
    const hasCaches = scene.assignment.job.cache.length > 0;
    const restored = hasCaches ? await this.steps.own('restore caches', true, restore) : await restore();
    await this.steps.own('download artifacts', scene.assignment.artifactJobs.length > 0, () =>
      downloadArtifacts(scene, inherited.archives, objects),
    );
    return { caches: [], missing: undefined, ...restored };
  }

  /** Between two steps; nobody's time passes meanwhile. A state that could not be kept is missed by later attempts only. */
  private async keepState(step: number, caches: JobCache[]): Promise<void> {
    const { scene, tools } = this;
    if (!this.keepsStates || !takesSnapshots(scene)) return;
    this.limit.pause();
    try {
      const reason = await this.shells.lend(() => takeSnapshot(step, caches, scene, tools));
      this.keepsStates = reason === undefined;
      if (reason !== undefined) scene.tell(`Later attempts carry out all steps from here on again: ${reason}`);
    } catch (error) {
      scene.warn(`what the steps have made so far could not be kept: ${(error as Error).message}`);
    } finally {
      this.limit.resume();
    }
  }

  /** A job that failed already says why; that its leavings are lost as well is for its log. */
  private notKept(result: JobResult, end: JobResult): JobResult {
    if (result.outcome === 'success' || end.outcome !== 'failed') return end;
    this.scene.warn(end.detail ?? 'what the job left could not be kept');
    return result;
  }

  /** A repository that is slow to answer takes nothing of the job's time. */
  private async checkOut(): Promise<void> {
    const { checkOut, inputsShown } = this.tools.preparation;
    this.limit.pause();
    await this.steps.own('checkout', true, checkOut);
    await inputsShown();
    this.limit.resume();
  }

  /** Runs whatever the script did, in a shell of its own and with its own time; its result changes nothing (S0-09). */
  private async afterScript(step: ShellStep, result: JobResult): Promise<void> {
    const outcome = this.stopped;
    if (atOnce(outcome)) return;
    this.stopped = undefined;
    const late = new AbortController();
    void this.tools.clock.sleep(AFTER_SCRIPT_MS, late.signal).then(() => {
      if (!late.signal.aborted) this.shells.stop(GRACE_MS);
    });
    await this.steps
      .run({ name: step.name, run: () => this.work.shell(step, this.scene, statusOf(result)) })
      .finally(() => late.abort());
    if (outcome && this.stopped !== 'lease_lost') this.stopped = outcome;
  }

  /** A job whose variables later jobs could not read has failed, and what is kept of it is what is kept of a failure. */
  private async keep({ reads, objects }: JobStores, caches: JobCache[], scriptEnd: JobResult): Promise<JobResult> {
    const { scene } = this;
    const spec = scene.assignment.job.artifacts;
    const result = spec?.dotenv ? await this.handOn(objects, scriptEnd) : scriptEnd;
    const succeeded = result.outcome === 'success';
    await this.steps.own('read reports', hasReports(scene), () => readReports(scene, this.tools.reads));
    await this.steps.own(
      'save caches',
      caches.some(({ spec }) => spec.policy !== 'pull' && applies(spec.when, succeeded)),
      () => saveCaches(caches, scene, reads, objects, succeeded),
    );
    await this.steps.own('upload artifacts', keepsAny(spec, succeeded), () =>
      uploadArtifacts(scene, objects, succeeded),
    );
    return result;
  }

  private async handOn(objects: JobStores['objects'], result: JobResult): Promise<JobResult> {
    const { scene } = this;
    let url: string | undefined;
    const { detail } = await this.steps.run({
      name: 'hand on variables',
      run: async () => {
        const handedOn = await handOnVariables(scene, objects);
        if ('problem' in handedOn) return { outcome: 'failed', detail: handedOn.problem };
        url = addressNow(scene, { ...this.received, ...handedOn.variables });
        return { outcome: 'success' };
      },
    });
    if (detail === undefined) return url === undefined ? result : { ...result, environmentUrl: url };
    if (result.outcome === 'success') return { ...result, outcome: 'failed', reason: 'invalid_dotenv', detail };
    scene.warn(detail);
    return result;
  }

  private ended(): JobResult {
    return stoppedBy(this.stopped, this.scene);
  }

  private withCoverage(result: JobResult): JobResult {
    const coverage = this.coverage?.percentage();
    return coverage === undefined ? result : { ...result, coverage };
  }
}
