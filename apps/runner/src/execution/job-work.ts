import type { BuildImageStep } from '@foldline/contracts';
import type { Clock } from '@foldline/kernel';
import { ImageStep, type ImageTools } from './image-step.ts';
import { endedBy, stoppedBy, type JobParts, type JobResult, type ShellStep, type StepResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';
import type { JobShell } from './job-shell.ts';
import type { JobSteps } from './job-steps.ts';
import type { StatusWord } from './predefined.ts';
import { runSteps, type StepTools } from './run-steps.ts';
import { GRACE_MS, graceOf, type StopReason } from './stop-reason.ts';
import type { TimeLimit } from './time-limit.ts';

type WorkTools = ImageTools & {
  clock: Clock;
  steps: JobSteps;
  shells: JobShell;
  limit: TimeLimit;
  output: (chunk: Buffer) => Promise<void>;
  /** Why the job is being ended, if it is. */
  stopped: () => StopReason | undefined;
};

/** What becomes of the state between the steps. */
type Kept = Pick<StepTools, 'resumed' | 'keep'>;

/** What a job is there for: its script, its commands, or the image that it builds. */
export class JobWork {
  private image: ImageStep | undefined;

  constructor(private readonly tools: WorkTools) {}

  /** Ends what goes on right now. */
  stop(reason: StopReason): void {
    this.tools.shells.stop(graceOf(reason));
    this.image?.stop();
  }

  async carryOut({ script, image, commands }: JobParts, scene: JobScene, kept: Kept): Promise<JobResult> {
    if (image) return this.build(image, scene);
    return commands.length > 0 ? this.runCommands(commands, scene, kept) : this.script(script, scene);
  }

  async script(step: ShellStep | undefined, scene: JobScene): Promise<JobResult> {
    if (!step) return { outcome: 'success', exitCode: 0 };
    const { exitCode, ...finished } = await this.tools.steps.run({
      name: step.name,
      run: () => this.shell(step, scene, 'running'),
    });
    const code = exitCode === undefined ? {} : { exitCode };
    return this.ended(scene, code) ?? endedBy({ ...finished, ...code });
  }

  shell(step: ShellStep, scene: JobScene, status: StatusWord): Promise<StepResult> {
    return this.tools.shells.run(step, scene, status, this.tools.stopped);
  }

  private async runCommands(commands: JobParts['commands'], scene: JobScene, kept: Kept): Promise<JobResult> {
    const { steps, clock, shells, stopped } = this.tools;
    const end = await runSteps(commands, {
      steps,
      clock,
      variables: scene.variables,
      shell: (step) => this.shell(step, scene, 'running'),
      end: () => shells.stop(GRACE_MS),
      stopped,
      ...kept,
    });
    return this.ended(scene) ?? end;
  }

  private async build({ name, image }: BuildImageStep, scene: JobScene): Promise<JobResult> {
    const { steps, limit, output } = this.tools;
    const step = new ImageStep(scene, this.tools, limit, output);
    this.image = step;
    let result: JobResult | undefined;
    await steps.run({
      name,
      run: async () => {
        result = await step.run(image);
        const { outcome, detail } = result;
        return { outcome: outcome === 'success' ? outcome : 'failed', ...(detail !== undefined && { detail }) };
      },
    });
    return this.ended(scene) ?? result!;
  }

  /** Of a job that was stopped. */
  private ended(scene: JobScene, code: Pick<JobResult, 'exitCode'> = {}): JobResult | undefined {
    const reason = this.tools.stopped();
    return reason && { ...stoppedBy(reason, scene), ...code };
  }
}
