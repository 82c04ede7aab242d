import {
  CacheCommitted,
  CachePruned,
  CacheRefused,
  type CacheUploaded,
  type EventsOf,
  type PruneReason,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Upload = ReturnType<typeof CacheUploaded>['data'];

type Committed = ReturnType<typeof CacheCommitted>['data'];

/** `current` is what the next reader gets. */
export type CacheState = { current?: Committed };

export type CacheCommand =
  | { type: 'CommitCache'; upload: Upload; problem?: string }
  /** `manifestDigest`: what was looked at; a later save is left alone. */
  | { type: 'PruneCache'; manifestDigest: string; because: PruneReason };
export type CacheEvent = EventsOf<{
  CacheCommitted: typeof CacheCommitted;
  CacheRefused: typeof CacheRefused;
  CachePruned: typeof CachePruned;
}>;

/**
 * One cache key in one scope of a project. Every upload is answered, also one of the bytes that are there already,
 * because its job waits for the answer; the newest commit wins, and what it replaces is pruned. Which upload was answered
 * is known by its event id.
 */
export const cacheDecider: Decider<CacheState, CacheCommand, CacheEvent> = {
  initialState: () => ({}),

  evolve: (state, event) => {
    if (event.type === 'CacheCommitted') state.current = event.data;
    // What a commit has replaced is pruned behind it, and is not current any more.
    if (event.type === 'CachePruned' && isCurrent(event.data, state)) delete state.current;
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<CacheState, CacheEvent>(state, cacheDecider.evolve);
    const { current } = state;
    if (command.type === 'PruneCache') {
      if (current && isCurrent(command, state)) decision.emit(pruned(current, command.because));
      return decision.events;
    }
    const { attemptId: _attemptId, ...committed } = command.upload;
    const { cacheId, pipelineId, jobId, attempt } = committed;
    if (command.problem !== undefined) {
      decision.emit(CacheRefused({ cacheId, pipelineId, jobId, attempt, because: command.problem }));
      return decision.events;
    }
    decision.emit(CacheCommitted(committed));
    if (current && current.manifestDigest !== committed.manifestDigest)
      decision.emit(pruned(current, { rule: 'replaced', detail: `${jobId} saved it anew` }, committed.layers));
    return decision.events;
  },
};

const isCurrent = ({ manifestDigest }: { manifestDigest: string }, { current }: CacheState): boolean =>
  current?.manifestDigest === manifestDigest;

/** `stay`: layers that what has replaced it has, too. */
const pruned = (
  { cacheId, projectId, scope, key, manifestDigest, layers, bytes }: Committed,
  because: PruneReason,
  stay: Committed['layers'] = [],
): CacheEvent => {
  const staying = new Set(stay.map(({ digest }) => digest));
  const going = layers?.filter(({ digest }) => !staying.has(digest));
  return CachePruned({
    cacheId,
    projectId,
    scope,
    key,
    manifestDigest,
    because,
    ...(layers && { layers }),
    bytes: going ? going.reduce((sum, layer) => sum + layer.bytes, 0) : bytes,
  });
};
