import {
  PipelinePlanned,
  PlanRejected,
  type EventsOf,
  type PipelineContext,
  type Plan,
  type Problem,
  type Upstream,
} from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

type State = { planned: boolean };
/** Whose definition it is. */
export type Commit = Pick<PipelineContext, 'sha' | 'message'>;
export type PlanCommand =
  | { type: 'RecordPlan'; context: PipelineContext; plan: Plan }
  | { type: 'RejectPlan'; pipelineId: string; problems: Problem[]; commit?: Commit; upstream?: Upstream };

/** A pipeline is planned once; whatever the repository says later, its plan stays. */
export const planDecider: Decider<
  State,
  PlanCommand,
  EventsOf<{ PipelinePlanned: typeof PipelinePlanned; PlanRejected: typeof PlanRejected }>
> = {
  initialState: () => ({ planned: false }),
  evolve: () => ({ planned: true }),
  decide: (command, state) => {
    if (state.planned) return [];
    state.planned = true;
    if (command.type === 'RejectPlan') {
      const { type: _type, ...rejection } = command;
      return [PlanRejected(rejection)];
    }
    const { context, plan } = command;
    return [PipelinePlanned({ pipelineId: context.pipelineId, context, plan })];
  },
};
