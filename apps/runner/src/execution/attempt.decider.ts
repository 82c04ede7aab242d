import {
  ArtifactUploaded,
  AttemptFinished,
  AttemptResumed,
  AttemptStarted,
  CacheRestored,
  CacheUploaded,
  ContainerStarted,
  ImageBuildAdvanced,
  ImageBuilt,
  ImageBuildStarted,
  ImagePushed,
  SnapshotTaken,
  StepFinished,
  TestsReported,
  VulnerabilitiesReported,
  type EventsOf,
} from '@foldline/contracts';
import type { Decider } from '@foldline/kernel';

const ATTEMPT_EVENTS = {
  AttemptStarted,
  ContainerStarted,
  AttemptResumed,
  StepFinished,
  SnapshotTaken,
  CacheRestored,
  ArtifactUploaded,
  CacheUploaded,
  ImageBuildStarted,
  ImageBuildAdvanced,
  ImageBuilt,
  ImagePushed,
  TestsReported,
  VulnerabilitiesReported,
  AttemptFinished,
};
type AttemptEvent = EventsOf<typeof ATTEMPT_EVENTS>;
export type AttemptFact = Exclude<AttemptEvent, { type: 'AttemptStarted' | 'AttemptFinished' }>;

type State = { phase: 'new' | 'started' | 'finished' };
export type AttemptCommand =
  | { type: 'StartAttempt'; started: ReturnType<typeof AttemptStarted> }
  | { type: 'RecordFacts'; facts: AttemptFact[] }
  | { type: 'FinishAttempt'; facts: AttemptFact[]; finished: ReturnType<typeof AttemptFinished> };

/** An attempt starts once, tells facts while it runs and ends once; whatever comes later is not recorded. */
export const attemptDecider: Decider<State, AttemptCommand, AttemptEvent> = {
  initialState: () => ({ phase: 'new' }),
  evolve: (state, event) => {
    if (event.type === 'AttemptStarted') return { phase: 'started' };
    return event.type === 'AttemptFinished' ? { phase: 'finished' } : state;
  },
  decide: (command, state) => {
    if (command.type === 'StartAttempt') {
      if (state.phase !== 'new') return [];
      state.phase = 'started';
      return [command.started];
    }
    if (state.phase !== 'started') return [];
    if (command.type === 'RecordFacts') return command.facts;
    state.phase = 'finished';
    return [...command.facts, command.finished];
  },
};
