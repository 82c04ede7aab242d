import { Inject, Injectable } from '@nestjs/common';
import { projectStream, type ProjectDoc } from '@foldline/contracts';
import { COMMANDS, PORT, Refusal, type Cause, type Commands, type SourceRepository } from '@foldline/kernel';
import type { Done } from '../triggers/idempotency.ts';
import { isName, isOwner, projectIdOf } from './project-names.ts';
import { projectDecider } from './project.decider.ts';
import { ProjectQueries } from './project.queries.ts';
import { refuseCredentials } from './refuse-credentials.ts';

const FALLBACK_BRANCH = 'main';

export type Registered = Pick<ProjectDoc, 'id' | 'owner' | 'name' | 'url' | 'defaultBranch' | 'position'>;

/** The one way to a new project, whoever asks for it. */
@Injectable()
export class ProjectRegistration {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.sourceRepository) private readonly source: SourceRepository,
    @Inject(ProjectQueries) private readonly projects: ProjectQueries,
  ) {}

  /** Refuses with `project_exists` when the name is that of another repository. */
  async register(
    { owner, name, url }: Pick<ProjectDoc, 'owner' | 'name' | 'url'>,
    cause: Cause,
  ): Promise<Done<Registered>> {
    const projectId = projectIdOf(owner, name);
    const defaultBranch = isOwner(owner) && isName(name) ? await this.defaultBranch(url) : '';
    const command = { type: 'RegisterProject', projectId, owner, name, url, defaultBranch } as const;
    const { events, position } = await this.commands.handle(projectStream(projectId), projectDecider, command, cause);
    if (events.length > 0) return { answer: { id: projectId, owner, name, url, defaultBranch, position }, fresh: true };
    const known = await this.projects.current(owner, name);
    return { answer: registeredOf(known), fresh: false };
  }

  /** HEAD of the repository; one whose HEAD points nowhere may still have a main branch. */
  private async defaultBranch(url: string): Promise<string> {
    refuseCredentials(url, '/url');
    const branch = await this.source.defaultBranch(url);
    if (branch !== undefined) return branch;
    if (await this.source.resolveRef(url, FALLBACK_BRANCH)) return FALLBACK_BRANCH;
    throw new Refusal('empty_repository', 'the repository has no branch yet');
  }
}

const registeredOf = ({ id, owner, name, url, defaultBranch, position }: ProjectDoc): Registered => ({
  id,
  owner,
  name,
  url,
  defaultBranch,
  position,
});
