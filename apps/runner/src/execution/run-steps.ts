import { expandVariables, shellWord, type RunStep } from '@foldline/contracts';
import type { Clock } from '@foldline/kernel';
import { endedBy, type JobResult, type ShellStep, type StepResult } from './job-endings.ts';
import type { JobSteps } from './job-steps.ts';
import type { StopReason } from './stop-reason.ts';
import { TimeLimit } from './time-limit.ts';

/** A command of the plan, and which of its steps it is. */
export type NumberedStep = RunStep & { at: number };

/** What the commands of a job run with. */
export type StepTools = {
  steps: JobSteps;
  clock: Clock;
  variables: Readonly<Record<string, string>>;
  shell: (step: ShellStep) => Promise<StepResult>;
  /** Ends the command that runs. */
  end: () => void;
  /** Why the job is being ended, if it is. */
  stopped: () => StopReason | undefined;
  /** The attempt that has carried out the steps up to one, which are not carried out again. */
  resumed?: { from: number; step: number };
  /** Keeps what the steps up to this one have made. */
  keep: (step: number) => Promise<void>;
};

/**
 * Carries out the commands of a job one after the other, each in a shell of its own. Those behind one that fails are
 * skipped, unless it may fail (S1-18); one that takes too long fails (S1-35).
 */
export const runSteps = async (commands: readonly NumberedStep[], tools: StepTools): Promise<JobResult> => {
  let end: JobResult = { outcome: 'success', exitCode: 0 };
  let isResumable = true;
  for (const [index, step] of commands.entries()) {
    isResumable &&= step.resumable !== false;
    if (tools.resumed && step.at <= tools.resumed.step) {
      tools.steps.resumed(step.name, step.at, tools.resumed.from);
      continue;
    }
    if (end.outcome !== 'success' || tools.stopped()) {
      tools.steps.skip(step.name, step.at);
      continue;
    }
    const result = await tools.steps.run({ name: step.name, at: step.at, run: () => runStep(step, tools) });
    if (result.outcome !== 'success' && !step.continueOnError) end = endOf(step, result);
    else if (isResumable && index < commands.length - 1 && !tools.stopped()) await tools.keep(step.at);
  }
  return end;
};

const endOf = ({ name }: RunStep, result: StepResult): JobResult => {
  const detail = `the step "${name}" failed: ${result.detail ?? result.outcome}`;
  if (result.outcome === 'timed_out') return { outcome: 'timed_out', reason: 'job_timeout', detail };
  return { ...endedBy(result), detail };
};

const runStep = async (step: RunStep, { clock, shell, end, stopped, variables }: StepTools): Promise<StepResult> => {
  const { timeoutSeconds } = step;
  let isOver = false;
  const limit =
    timeoutSeconds === undefined
      ? undefined
      : new TimeLimit(clock, timeoutSeconds * 1000, () => {
          isOver = true;
          end();
        });
  limit?.resume();
  try {
    const result = await shell(shellOf(step, variables));
    const reason = stopped();
    if (reason) return { ...result, outcome: OUTCOME_OF[reason] ?? 'failed' };
    if (!isOver) return result;
    return { ...result, outcome: 'timed_out', detail: `it ran longer than its timeout of ${timeoutSeconds} s` };
  } finally {
    limit?.pause();
  }
};

const OUTCOME_OF: { [Reason in StopReason]?: StepResult['outcome'] } = {
  timed_out: 'timed_out',
  cancelled: 'cancelled',
};

const shellOf = ({ name, command, directory, environment }: RunStep, variables: StepTools['variables']): ShellStep => ({
  name,
  commands: [
    ...(directory === undefined ? [] : [`cd -- ${shellWord(expandVariables(directory, variables))}`]),
    command,
  ],
  environment: Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [key, expandVariables(value, variables)]),
  ),
});
