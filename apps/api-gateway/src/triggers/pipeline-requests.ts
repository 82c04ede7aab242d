import { Inject, Injectable } from '@nestjs/common';
import {
  triggerStream,
  type GitRef,
  type PipelineRequested,
  type PipelineSource,
  type ProjectDoc,
  type RecordedEvent,
  type ServerFacts,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  Refusal,
  type Cause,
  type Commands,
  type EventStore,
  type Settings,
  type SourceRepository,
} from '@foldline/kernel';
import { triggerDecider } from './trigger.decider.ts';

type Stored = RecordedEvent<'PipelineRequested', ReturnType<typeof PipelineRequested>['data']>;

export type Wanted = {
  pipelineId: string;
  ref: Omit<GitRef, 'protected'>;
  sha: string;
  source: PipelineSource;
  /** Of a push: what the ref pointed to before. */
  before?: string;
  variables: Record<string, string>;
} & Pick<Stored['data'], 'upstream' | 'definition' | 'inputs' | 'build' | 'submission' | 'mayLackDefinition'>;

/** `fresh: false`: it was requested before, by the same cause. */
export type RequestedPipeline = { id: string; ref: string; sha: string; position: number; fresh: boolean } & {
  /** The number of the build that it is. */
  build?: number;
};

const NO_COMMIT = /^(?:0{40}|0{64})$/;

/** The one way to a new pipeline, whoever asks for it. */
@Injectable()
export class PipelineRequests {
  readonly server: ServerFacts;

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.sourceRepository) private readonly source: SourceRepository,
    @Inject(PORT.settings) { version, url }: Settings,
  ) {
    this.server = { version, ...(url === undefined ? {} : { url }) };
  }

  /** Asks the repository, before anything is recorded, what the ref is now. */
  async resolve(project: ProjectDoc, refName: string, kind?: 'tag'): Promise<Pick<Wanted, 'ref' | 'sha'>> {
    if (NO_COMMIT.test(refName))
      throw new Refusal('unknown_ref', 'zeros only are how git says that there is no commit');
    const found = await this.source.resolveRef(project.url, refName, kind);
    const kinds = kind ?? 'branch, tag or commit';
    if (!found) throw new Refusal('unknown_ref', `the repository has no ${kinds} "${refName}"`);
    return { ref: { name: found.name, kind: found.kind }, sha: found.sha };
  }

  /** The request that is stored under an id, if any. */
  async recorded(pipelineId: string): Promise<Stored | undefined> {
    const [first] = await this.store.readStream(triggerStream(pipelineId), 0, 1);
    return first?.type === 'PipelineRequested' ? (first as Stored) : undefined;
  }

  async stored(pipelineId: string): Promise<RequestedPipeline | undefined> {
    const recorded = await this.recorded(pipelineId);
    if (!recorded) return undefined;
    const { data, position } = recorded;
    return { id: pipelineId, ref: data.ref.name, sha: data.sha ?? '', position, fresh: false, ...buildIn(data) };
  }

  /** Records the wish for a pipeline. */
  async request(project: ProjectDoc, wanted: Wanted, cause: Cause): Promise<RequestedPipeline> {
    const handled = await this.commands.handle(
      triggerStream(wanted.pipelineId),
      triggerDecider,
      { type: 'RequestPipeline', ...this.requestOf(project, wanted) },
      { ...cause, correlationId: wanted.pipelineId },
    );
    if (handled.events.length === 0) return (await this.stored(wanted.pipelineId))!;
    const { pipelineId: id, ref, sha } = wanted;
    return { id, ref: ref.name, sha, position: handled.position, fresh: true, ...buildIn(wanted) };
  }

  /** A request as it is recorded. Protected variables go to the default branch only (S0-55). */
  requestOf(project: ProjectDoc, wanted: Wanted): Stored['data'] {
    const { id, owner, name, url, defaultBranch, variables, secrets } = project;
    const isProtected = wanted.ref.kind === 'branch' && wanted.ref.name === defaultBranch;
    return {
      ...wanted,
      ref: { ...wanted.ref, protected: isProtected },
      project: { id, owner, name, url, defaultBranch },
      projectVariables: variables
        .filter((variable) => isProtected || !variable.protected)
        .map(({ hidden: _hidden, description: _description, ...variable }) => variable),
      server: this.server,
      secrets,
    };
  }
}

const buildIn = ({ build }: Pick<Wanted, 'build'>): { build?: number } => (build ? { build: build.number } : {});
