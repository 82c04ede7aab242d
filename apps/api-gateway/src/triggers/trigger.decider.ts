import {
  DownstreamRefused,
  JobPlayRequested,
  JobRetryRequested,
  PipelineCancelRequested,
  PipelineRequested,
  type Resume,
} from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { emitAll } from './emit-all.ts';

export type TriggerEvent = ReturnType<
  | typeof PipelineRequested
  | typeof DownstreamRefused
  | typeof PipelineCancelRequested
  | typeof JobRetryRequested
  | typeof JobPlayRequested
>;
export type Wish =
  | { type: 'CancelPipeline'; pipelineId: string }
  | { type: 'PlayJob'; pipelineId: string; jobId: string }
  | { type: 'RetryJob'; pipelineId: string; jobId: string; resume?: Resume };
/** `after`: the revision of this stream on which the wish was judged; a newer one refuses it as `OVERTAKEN`. */
export type TriggerCommand =
  | ({ type: 'RequestPipeline' } & ReturnType<typeof PipelineRequested>['data'])
  | ({ type: 'RefuseDownstream' } & ReturnType<typeof DownstreamRefused>['data'])
  | (Wish & { after?: number });

/** Code of a refusal that is not an answer: the wish must be judged again. */
export const OVERTAKEN = 'overtaken';

export type TriggerState = { requested: boolean; refused: boolean; cancelRequested: boolean; revision: number };

const evolve = (state: TriggerState, event: TriggerEvent): TriggerState => {
  state.revision += 1;
  switch (event.type) {
    case 'PipelineRequested':
      state.requested = true;
      return state;
    case 'DownstreamRefused':
      state.refused = true;
      return state;
    case 'PipelineCancelRequested':
      state.cancelRequested = true;
      return state;
    // A pipeline that a person takes up again may be cancelled again.
    case 'JobRetryRequested':
    case 'JobPlayRequested':
      state.cancelRequested = false;
      return state;
  }
};

const decide = (command: TriggerCommand, state: TriggerState): TriggerEvent[] => {
  if (command.type === 'RequestPipeline') {
    const { type: _type, ...data } = command;
    return state.requested || state.refused ? [] : [PipelineRequested(data)];
  }
  if (command.type === 'RefuseDownstream') {
    const { type: _type, ...data } = command;
    return state.requested || state.refused ? [] : [DownstreamRefused(data)];
  }
  if (!state.requested) throw new Refusal('not_found', 'there is no such pipeline');
  const { after = state.revision, pipelineId } = command;
  if (after !== state.revision) throw new Refusal(OVERTAKEN, 'another wish for this pipeline came first');
  if (command.type === 'CancelPipeline') return state.cancelRequested ? [] : [PipelineCancelRequested({ pipelineId })];
  const { jobId } = command;
  if (command.type === 'PlayJob') return [JobPlayRequested({ pipelineId, jobId })];
  return [JobRetryRequested({ pipelineId, jobId, ...(command.resume && { resume: command.resume }) })];
};

/** What people and forges want of one pipeline: that it exists, that it ends, that a job runs again or at last. */
export const triggerDecider: Decider<TriggerState, TriggerCommand, TriggerEvent> = {
  initialState: () => ({ requested: false, refused: false, cancelRequested: false, revision: -1 }),
  evolve,
  decide: (command, state) => emitAll(state, evolve, decide(command, state)),
};
