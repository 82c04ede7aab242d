import type { Execution, Executor } from '@foldline/kernel';
import type { ShellStep, StepResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';
import { statusVariable, type StatusWord } from './predefined.ts';
import { graceOf, type StopReason } from './stop-reason.ts';

/** Runs the shells of a job, one after the other. */
export class JobShell {
  private execution: Execution | undefined;

  constructor(
    private readonly executor: Executor,
    private readonly onOutput: (chunk: Buffer) => Promise<void>,
  ) {}

  /** Ends the shell that runs right now. */
  stop(graceMs: number): void {
    this.execution?.stop(graceMs);
  }

  /** `stopped` is asked once the shell has started: nobody could end it before. */
  async run(
    step: ShellStep,
    scene: JobScene,
    status: StatusWord,
    stopped: () => StopReason | undefined,
  ): Promise<StepResult> {
    this.execution = await this.executor.start({
      attemptId: scene.about.attemptId,
      commands: step.commands,
      workingDirectory: scene.workspace,
      scratchDirectory: scene.scratch,
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
