import {
  ArtifactCommitted,
  ArtifactExpired,
  ArtifactRefused,
  type ArtifactUploaded,
  type EventsOf,
} from '@foldline/contracts';
import { Decision, type Decider } from '@foldline/kernel';

type Upload = ReturnType<typeof ArtifactUploaded>['data'];
type Available = ReturnType<typeof ArtifactCommitted>['data'];

export type ArtifactState =
  { status: 'unknown' | 'refused' | 'expired'; artifact?: undefined } | { status: 'available'; artifact: Available };

export type ArtifactCommand =
  /** `problem` says why the bytes that are there are not the artifact; `expiresAt` is RFC 3339. */
  { type: 'CommitArtifact'; upload: Upload; expiresAt?: string; problem?: string } | { type: 'ExpireArtifact' };

export type ArtifactEvent = EventsOf<{
  ArtifactCommitted: typeof ArtifactCommitted;
  ArtifactRefused: typeof ArtifactRefused;
  ArtifactExpired: typeof ArtifactExpired;
}>;

type Held = { current: ArtifactState };

/** An artifact is decided once, from its first upload; it becomes visible only through `ArtifactCommitted`. */
export const artifactDecider: Decider<Held, ArtifactCommand, ArtifactEvent> = {
  initialState: () => ({ current: { status: 'unknown' } }),

  evolve: (state, event) => {
    state.current = next(event);
    return state;
  },

  decide: (command, state) => {
    const decision = new Decision<Held, ArtifactEvent>(state, artifactDecider.evolve);
    switch (command.type) {
      case 'CommitArtifact':
        if (state.current.status === 'unknown') decision.emit(commitOrRefuse(command));
        break;
      case 'ExpireArtifact':
        if (state.current.status === 'available') decision.emit(expired(state.current.artifact));
        break;
    }
    return decision.events;
  },
};

const next = (event: ArtifactEvent): ArtifactState => {
  switch (event.type) {
    case 'ArtifactCommitted':
      return { status: 'available', artifact: event.data };
    case 'ArtifactRefused':
      return { status: 'refused' };
    case 'ArtifactExpired':
      return { status: 'expired' };
  }
};

const commitOrRefuse = (command: Extract<ArtifactCommand, { type: 'CommitArtifact' }>): ArtifactEvent => {
  const { artifactId, pipelineId, projectId, jobId, attempt, name, kind, manifestDigest, files, bytes } =
    command.upload;
  if (command.problem !== undefined)
    return ArtifactRefused({ artifactId, pipelineId, projectId, jobId, attempt, name, kind, because: command.problem });
  const committed = { artifactId, pipelineId, projectId, jobId, attempt, name, kind, manifestDigest, files, bytes };
  return ArtifactCommitted(
    command.expiresAt === undefined ? committed : { ...committed, expiresAt: command.expiresAt },
  );
};

const expired = ({ artifactId, pipelineId, jobId, manifestDigest, bytes }: Available): ArtifactEvent =>
  ArtifactExpired({ artifactId, pipelineId, jobId, manifestDigest, bytes });
