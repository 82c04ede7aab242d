import {
  ProcessModeSet,
  ResourceExpected,
  ResourceGranted,
  ResourceReleased,
  ResourceRequested,
  jobIdOf,
  type EventsOf,
  type ProcessMode,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

export type Group = { groupId: string; projectId: string; group: string };
type Applicant = { pipelineId: string; jobId: string; attempt: number };

export type GroupState = {
  mode: ProcessMode;
  holder?: Applicant;
  /** Those that could run now, in the order in which they came. */
  waiting: Map<string, Applicant>;
  /** Those whose turn has not come in their pipelines. */
  upcoming: Map<string, Applicant>;
};

export type GroupCommand = Group &
  (
    | { type: 'ExpectJobs'; pipelineId: string; indexes: number[] }
    | ({ type: 'RequestResource' } & Applicant)
    | ({ type: 'ReleaseResource' } & Applicant)
    | { type: 'SetProcessMode'; processMode: ProcessMode }
  );

export type GroupEvent = EventsOf<{
  ResourceExpected: typeof ResourceExpected;
  ResourceRequested: typeof ResourceRequested;
  ResourceGranted: typeof ResourceGranted;
  ResourceReleased: typeof ResourceReleased;
  ProcessModeSet: typeof ProcessModeSet;
}>;

const evolve = (state: GroupState, event: GroupEvent): GroupState => {
  switch (event.type) {
    case 'ResourceExpected': {
      const { pipelineId, indexes } = event.data;
      for (const index of indexes) {
        const jobId = jobIdOf(pipelineId, index);
        state.upcoming.set(jobId, { pipelineId, jobId, attempt: 0 });
      }
      return state;
    }
    case 'ResourceRequested':
      state.upcoming.delete(event.data.jobId);
      state.waiting.set(event.data.jobId, applicant(event.data));
      return state;
    case 'ResourceGranted':
      state.waiting.delete(event.data.jobId);
      state.holder = applicant(event.data);
      return state;
    case 'ResourceReleased':
      state.upcoming.delete(event.data.jobId);
      state.waiting.delete(event.data.jobId);
      if (state.holder?.jobId === event.data.jobId) delete state.holder;
      return state;
    case 'ProcessModeSet':
      state.mode = event.data.processMode;
      return state;
  }
};

const applicant = ({ pipelineId, jobId, attempt }: Applicant): Applicant => ({ pipelineId, jobId, attempt });

/** The jobs of a project that share a resource: of all its pipelines, at most one of them runs at a time. */
export const groupDecider: Decider<GroupState, GroupCommand, GroupEvent> = {
  initialState: () => ({ mode: 'unordered', waiting: new Map(), upcoming: new Map() }),
  evolve,
  decide: (command, state) => {
    const decision = new Decision<GroupState, GroupEvent>(state, evolve);
    const changed = change(command, state);
    if (changed) decision.emit(changed);
    const next = changed && state.holder === undefined ? nextOf(state) : undefined;
    if (next) decision.emit(ResourceGranted({ ...groupOf(command), ...next }));
    return decision.events;
  },
};

const groupOf = ({ groupId, projectId, group }: Group): Group => ({ groupId, projectId, group });

const change = (command: GroupCommand, state: GroupState): GroupEvent | undefined => {
  const group = groupOf(command);
  switch (command.type) {
    case 'ExpectJobs':
      return ResourceExpected({ ...group, pipelineId: command.pipelineId, indexes: command.indexes });
    case 'RequestResource':
      return knownOf(state, command.jobId)?.attempt === command.attempt
        ? undefined
        : ResourceRequested({ ...group, ...applicant(command) });
    case 'ReleaseResource': {
      // What an earlier attempt has left says nothing about one that came after it.
      const known = knownOf(state, command.jobId);
      return known && known.attempt <= command.attempt
        ? ResourceReleased({ ...group, ...applicant(command) })
        : undefined;
    }
    case 'SetProcessMode':
      return state.mode === command.processMode
        ? undefined
        : ProcessModeSet({ ...group, processMode: command.processMode });
  }
};

const knownOf = ({ holder, waiting, upcoming }: GroupState, jobId: string): Applicant | undefined =>
  holder?.jobId === jobId ? holder : (waiting.get(jobId) ?? upcoming.get(jobId));

/**
 * Who gets the resource that is free. Where pipelines go in their order, the first of them with a job that wants it or
 * will is waited for; within one the order is that in which its jobs came, so that a pipeline never waits for itself.
 */
const nextOf = ({ mode, waiting, upcoming }: GroupState): Applicant | undefined => {
  const [first] = waiting.values();
  if (mode === 'unordered' || !first) return first;
  const applicants =
    mode === 'newest_ready_first' ? [...waiting.values()] : [...waiting.values(), ...upcoming.values()];
  const comesBefore = (a: string, b: string): boolean => (mode === 'oldest_first' ? a < b : a > b);
  let { pipelineId } = first;
  for (const each of applicants) if (comesBefore(each.pipelineId, pipelineId)) pipelineId = each.pipelineId;
  return [...waiting.values()].find((each) => each.pipelineId === pipelineId);
};
