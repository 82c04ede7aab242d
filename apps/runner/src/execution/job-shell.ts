import { ContainerStarted } from '@foldline/contracts';
import type { Execution, ExecutionResult, Executor, ResourceUsage, Site } from '@foldline/kernel';
import type { ShellStep, StepResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';
import { statusVariable, type StatusWord } from './predefined.ts';
import { graceOf, type StopReason } from './stop-reason.ts';
import { UsedResources } from './used-resources.ts';

/** Runs the shells of a job, one after the other, in one place. */
export class JobShell {
  private site: Site | undefined;
  /** A place that is made while the workspace is being filled, and what says that it is. */
  private foreseen: { site: Promise<Site | undefined>; workspaceIsFilled: () => void } | undefined;
  /** Aborts while a place for the job is being made. */
  private opening: AbortController | undefined;
  private execution: Execution | undefined;
  private hasTold = false;
  private readonly used = new UsedResources();

  constructor(
    private readonly executor: Executor,
    private readonly onOutput: (chunk: Buffer) => Promise<void>,
  ) {}

  /** Of all shells so far; nothing where that is not known of each of them. */
  get usage(): ResourceUsage | undefined {
    return this.used.usage;
  }

  /** Between two shells `work` finds the workspace as the first has left it. Answers why it cannot. */
  async lend(work: () => Promise<void>): Promise<string | undefined> {
    return this.site ? this.site.lend(work) : 'there is no place of it any more';
  }

  /** Ends the shell that runs right now. */
  stop(graceMs: number): void {
    this.execution?.stop(graceMs);
    this.opening?.abort();
  }

  /** Nothing of the job runs any more; a shell after this has a place of its own. */
  async close(): Promise<void> {
    if (this.foreseen) this.opening?.abort();
    const site = this.site ?? (await this.foreseen?.site.catch(() => undefined));
    this.site = undefined;
    this.foreseen = undefined;
    await site?.close();
  }

  /** The place of a container is made while the workspace is filled, unless earlier jobs have a say in what it is like. */
  foresee(scene: JobScene): void {
    if (!scene.container || scene.assignment.artifactJobs.length > 0) return;
    const opening = new AbortController();
    let workspaceIsFilled = (): void => undefined;
    const filled = new Promise<void>((resolve, reject) => {
      workspaceIsFilled = resolve;
      opening.signal.addEventListener('abort', () => reject(opening.signal.reason as Error));
    });
    const site = this.opened(scene, opening, filled);
    this.foreseen = { site, workspaceIsFilled };
    // The shell is told what became of them; perhaps there never is one.
    for (const never of [site, filled]) never.catch(() => undefined);
  }

  private async place(scene: JobScene): Promise<Site | undefined> {
    const { foreseen } = this;
    if (!foreseen) return this.opened(scene);
    foreseen.workspaceIsFilled();
    const site = await foreseen.site;
    this.foreseen = undefined;
    return site;
  }

  /** Nothing when it was stopped meanwhile. */
  private async opened(
    scene: JobScene,
    opening = new AbortController(),
    filled?: Promise<void>,
  ): Promise<Site | undefined> {
    const { about, workspace, scratch, container, variables } = scene;
    this.opening = opening;
    const notices = { tell: scene.tell, warn: scene.warn };
    const spec = {
      attemptId: about.attemptId,
      pipelineId: about.pipelineId,
      workspace,
      ...(filled && { filled }),
      scratchDirectory: scratch,
      notices,
      ...(container && { container: container(variables) }),
    };
    try {
      const site = await this.executor.open(spec, opening.signal);
      this.tellOf(site, scene);
      return site;
    } catch (error) {
      if (opening.signal.aborted) return undefined;
      throw error;
    } finally {
      this.opening = undefined;
    }
  }

  /** Once, however many places the job has had. */
  private tellOf({ images = [], isWarm = false }: Site, { about, hide, record }: JobScene): void {
    if (images.length === 0 || this.hasTold) return;
    this.hasTold = true;
    const resolved = images.map(({ image, ...found }) => ({ image: hide(image), ...found }));
    record(ContainerStarted({ ...about, start: isWarm ? 'warm' : 'cold', images: resolved }));
  }

  /** `stopped` is asked once the shell has started: nobody could end it before. */
  async run(
    step: ShellStep,
    scene: JobScene,
    status: StatusWord,
    stopped: () => StopReason | undefined,
  ): Promise<StepResult> {
    const site = (this.site ??= await this.place(scene));
    if (!site) return { outcome: 'failed', detail: 'it was stopped before there was a place for it' };
    this.execution = await site.start({
      commands: step.commands,
      environment: { ...scene.variables, ...statusVariable(status), ...step.environment },
      onOutput: this.onOutput,
    });
    const reason = stopped();
    if (reason) this.execution.stop(graceOf(reason));
    const result = await this.execution.finished;
    this.execution = undefined;
    this.used.add(result.usage);
    return stepResultOf(result);
  }
}

const stepResultOf = ({ exitCode, signal, outOfMemory, outOfDisk }: ExecutionResult): StepResult => {
  if (exitCode === 0 && !outOfDisk) return { outcome: 'success', exitCode };
  const ending = exitCode === undefined ? `ended by ${signal ?? 'a signal'}` : `exit code ${exitCode}`;
  return {
    outcome: 'failed',
    ...(exitCode !== undefined && { exitCode }),
    ...(outOfMemory && { outOfMemory }),
    ...(outOfDisk && { outOfDisk }),
    detail: outOfDisk
      ? 'it was ended for using more of the disk than the job may'
      : outOfMemory
        ? `${ending}, after a process was ended for taking more memory than the job may`
        : ending,
  };
};
