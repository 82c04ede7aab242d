import type { Execution, Executor, Site } from '@foldline/kernel';
import type { ShellStep, StepResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';
import { statusVariable, type StatusWord } from './predefined.ts';
import { graceOf, type StopReason } from './stop-reason.ts';

/** Runs the shells of a job, one after the other, in one place. */
export class JobShell {
  private site: Site | undefined;
  private execution: Execution | undefined;

  constructor(
    private readonly executor: Executor,
    private readonly onOutput: (chunk: Buffer) => Promise<void>,
  ) {}

  /** Ends the shell that runs right now. */
  stop(graceMs: number): void {
    this.execution?.stop(graceMs);
  }

  /** Nothing of the job runs any more; a shell after this has a place of its own. */
  async close(): Promise<void> {
    const { site } = this;
    this.site = undefined;
    await site?.close();
  }

  /** `stopped` is asked once the shell has started: nobody could end it before. */
  async run(
    step: ShellStep,
    scene: JobScene,
    status: StatusWord,
    stopped: () => StopReason | undefined,
  ): Promise<StepResult> {
    this.site ??= await this.executor.open({
      attemptId: scene.about.attemptId,
      workspace: scene.workspace,
      scratchDirectory: scene.scratch,
      ...(scene.container && { container: scene.container }),
    });
    this.execution = await this.site.start({
      commands: step.commands,
      environment: { ...scene.variables, ...statusVariable(status) },
      onOutput: this.onOutput,
    });
    const reason = stopped();
    if (reason) this.execution.stop(graceOf(reason));
    const { exitCode, signal } = await this.execution.finished;
    this.execution = undefined;
    if (exitCode === 0) return { outcome: 'success', exitCode };
    return exitCode === undefined
      ? { outcome: 'failed', detail: `ended by ${signal ?? 'a signal'}` }
      : { outcome: 'failed', exitCode, detail: `exit code ${exitCode}` };
  }
}
