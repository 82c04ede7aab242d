import { CacheCommitted, CacheRefused, type CacheUploaded, type EventsOf } from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Upload = ReturnType<typeof CacheUploaded>['data'];

/** `current` is the manifest that the next reader gets. */
export type CacheState = { current?: string };

export type CacheCommand = { type: 'CommitCache'; upload: Upload; problem?: string };
export type CacheEvent = EventsOf<{ CacheCommitted: typeof CacheCommitted; CacheRefused: typeof CacheRefused }>;

/**
 * One cache key in one scope of a project. Every upload is answered, also one of the bytes that are there already,
 * because its job waits for the answer; the newest commit wins. Which upload was answered is known by its event id.
 */
export const cacheDecider: Decider<CacheState, CacheCommand, CacheEvent> = {
  initialState: () => ({}),

  evolve: (state, event) => {
    if (event.type === 'CacheCommitted') state.current = event.data.manifestDigest;
    return state;
  },

  decide: ({ upload, problem }, state) => {
    const decision = new Decision<CacheState, CacheEvent>(state, cacheDecider.evolve);
    const { attemptId: _attemptId, ...committed } = upload;
    const { cacheId, pipelineId, jobId, attempt } = committed;
    decision.emit(
      problem === undefined
        ? CacheCommitted(committed)
        : CacheRefused({ cacheId, pipelineId, jobId, attempt, because: problem }),
    );
    return decision.events;
  },
};
