import type { RunnerRequirements } from '@foldline/contracts';
import { explainBusy, explainMismatch, explainRunner, type RunnerState } from '@foldline/kernel';

export type ConnectedRunner = RunnerState & { isDraining: boolean };
/** What one runner has to do with a job that waits: `free`, `busy` and `draining` ones could take it. */
export type RunnerVerdict = { id: string; code: string; detail: string };
export type Reason = { code: string; detail: string };
export type Verdicts = {
  /** Those that could take the job first. */
  runners: readonly RunnerVerdict[];
  /** Why none of them takes it; absent when one could now. */
  reason?: Reason;
};

const NAMED = 3;
const COULD_TAKE_IT = ['free', 'busy', 'draining'];

/** What all connected runners have to do with jobs that wait. Looks at each of them once for each kind of requirements. */
export class RunnerVerdicts {
  private readonly known = new Map<string, Verdicts>();

  constructor(private readonly runners: readonly ConnectedRunner[]) {}

  of(requirements: RunnerRequirements, highPowerAllowed: boolean): Verdicts {
    const name = JSON.stringify([requirements, highPowerAllowed]);
    const verdicts = this.known.get(name) ?? this.look(requirements, highPowerAllowed);
    this.known.set(name, verdicts);
    return verdicts;
  }

  private look(requirements: RunnerRequirements, highPowerAllowed: boolean): Verdicts {
    const runners = this.runners
      .map((runner) => verdictOf(requirements, highPowerAllowed, runner))
      .toSorted((a, b) => orderOf(a) - orderOf(b));
    const of = (code: string): RunnerVerdict[] => runners.filter((verdict) => verdict.code === code);
    if (of('free').length > 0) return { runners };
    if (of('busy').length > 0) return { runners, reason: reason('runners_busy', 'have no room', of('busy')) };
    if (of('draining').length > 0)
      return { runners, reason: reason('runners_draining', 'begin nothing more', of('draining')) };
    // As the scheduler says it, which gives nothing to those that are being drained.
    const online = this.runners.filter(({ isDraining }) => !isDraining);
    return { runners, reason: explainMismatch(requirements, highPowerAllowed, online)! };
  }
}

const verdictOf = (
  requirements: RunnerRequirements,
  highPowerAllowed: boolean,
  runner: ConnectedRunner,
): RunnerVerdict => {
  const { id, offer, isDraining } = runner;
  const lack = explainRunner(requirements, highPowerAllowed, offer);
  if (lack) return { id, ...lack };
  if (isDraining) return { id, code: 'draining', detail: 'it begins nothing more' };
  const busy = explainBusy(requirements, runner);
  return busy === undefined ? { id, code: 'free', detail: 'it has room' } : { id, code: 'busy', detail: busy };
};

const orderOf = ({ code }: RunnerVerdict): number => {
  const at = COULD_TAKE_IT.indexOf(code);
  return at < 0 ? COULD_TAKE_IT.length : at;
};

const reason = (code: string, state: string, runners: readonly RunnerVerdict[]): Reason => {
  const names = runners.slice(0, NAMED).map(({ id }) => id);
  const more = runners.length > NAMED ? ` and ${runners.length - NAMED} more` : '';
  return { code, detail: `the runners that could take it ${state}: ${names.join(', ')}${more}` };
};
