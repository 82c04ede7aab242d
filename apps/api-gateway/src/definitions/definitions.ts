import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  COLLECTION,
  type GitRef,
  type PipelineSource,
  type Plan,
  type PlanDecision,
  type Problem,
  type ProjectDoc,
  type ProjectRef,
} from '@foldline/contracts';
import {
  PORT,
  type Clock,
  type Ids,
  type Logger,
  type OutboundHttp,
  type SecretBox,
  type Settings,
  type SourceRepository,
  type ReadStore,
} from '@foldline/kernel';
import {
  DEFINITION_FILES,
  DefinitionCompiler,
  IMPATIENT,
  SOURCE_OF_EVENT,
  commitLook,
  lintDefinition,
  notLookedUp,
  planRequested,
  type ElsewhereTools,
  type Look,
  type PlanEvent,
} from '@foldline/pipeline-language';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { linked } from '../pipelines/pipeline-answer.ts';
import { PipelineRequests } from '../triggers/pipeline-requests.ts';
import { UnderWay, type Room } from './under-way.ts';

const ROOM: Room = { total: 32, perKey: 8, answerMs: 25_000 };
/** The key of work that needs no repository. */
const NO_PROJECT = 'no project';
const ONLY_FILES = {
  readable: 'what is sent in `files`',
  hint: 'Name the `project` of the definition: what it may include is then read.',
};

export type PreviewRequest = {
  ref: string;
  event: PlanEvent;
  before?: string;
  variables: Record<string, string>;
};
type LinkedProblem = ReturnType<typeof linked>[number];
export type Preview = { ref: GitRef; sha: string; source: PipelineSource } & (
  { plan: Plan } | { problems: LinkedProblem[]; decisions: PlanDecision[] }
);

/** `files` are texts by path. Files of the commit are looked up where `commit` says. */
export type LintRequest = {
  definition: string;
  file?: string;
  files: Readonly<Record<string, string>>;
  commit?: { project: ProjectDoc; ref: string };
};
export type Linted = { valid: boolean; problems: LinkedProblem[] };

/** What definitions come to. Nothing is recorded, and nobody but who asks hears of it. */
@Injectable()
export class Definitions implements OnApplicationShutdown {
  private readonly compiler = new DefinitionCompiler();
  private readonly underWay: UnderWay;

  constructor(
    @Inject(PORT.sourceRepository) private readonly repositories: SourceRepository,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.ids) private readonly ids: Ids,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.outboundHttp) private readonly http: OutboundHttp,
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PipelineRequests) private readonly requests: PipelineRequests,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {
    this.underWay = new UnderWay(ROOM, clock);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.compiler.close();
  }

  /** The plan that a pipeline would have that is requested now, or why it would have none. */
  preview(project: ProjectDoc, { ref: name, event, before, variables }: PreviewRequest): Promise<Preview> {
    return this.underWay.answer(project.id, async () => {
      const resolved = await this.requests.resolve(project, name, event === 'tag' ? 'tag' : undefined);
      // A merge request asks for no pipeline that is recorded, only for plans.
      const source = SOURCE_OF_EVENT[event] as PipelineSource;
      const request = this.requests.requestOf(project, {
        pipelineId: this.ids.next(),
        ...resolved,
        source,
        ...(before && { before }),
        variables,
      });
      const { compiler, box, logger } = this;
      const tools = { ...this.elsewhereTools(), compiler, box, logger };
      const outcome = await planRequested(request, this.clock.now(), tools);
      const asked = { ref: request.ref, sha: resolved.sha, source };
      if ('plan' in outcome) return { ...asked, plan: outcome.plan };
      return { ...asked, problems: linked(outcome.problems), decisions: outcome.decisions };
    });
  }

  /** Every problem of a definition, whatever it is triggered by. */
  lint({ definition, file = DEFINITION_FILES[0], files, commit }: LintRequest): Promise<Linted> {
    return this.underWay.answer(commit?.project.id ?? NO_PROJECT, async () => {
      const look = lookFirstInto(files, commit && (await this.lookAt(commit)));
      const about = { server: this.requests.server, ...(commit && { project: projectOf(commit.project) }) };
      const { problems } = await lintDefinition({ file, text: definition, about }, look, this.compiler);
      return {
        valid: !problems.some(isError),
        problems: linked(commit ? problems : problems.map(askForProject)),
      };
    });
  }

  private async lookAt({ project, ref: name }: NonNullable<LintRequest['commit']>): Promise<Look> {
    const { ref, sha } = await this.requests.resolve(project, name);
    await this.repositories.fetchCommit({ projectId: project.id, url: project.url, ref: ref.name, sha });
    return commitLook(this.elsewhereTools(), { project, sha });
  }

  private elsewhereTools(): ElsewhereTools {
    const { repositories, http, clock } = this;
    const findProject = async (id: string): Promise<ProjectDoc | undefined> => {
      await this.writes.reachEnd();
      return this.writes.find(COLLECTION.projects, id);
    };
    const documents = async (): Promise<ReadStore> => {
      await this.writes.reachEnd();
      return this.reads;
    };
    const { includeHosts } = this.settings;
    return { repositories, http, clock, includeHosts, patience: IMPATIENT, findProject, documents };
  }
}

const projectOf = ({ id, owner, name, url, defaultBranch }: ProjectDoc): ProjectRef => ({
  id,
  owner,
  name,
  url,
  defaultBranch,
});

const isError = ({ severity }: Problem): boolean => severity === 'error';

/** A mistake in the path of a file that was sent has a fix, and so a hint of its own. */
const askForProject = (problem: Problem): Problem =>
  problem.code === 'include-missing-file' && !problem.fix
    ? { ...problem, hint: 'Send its text in `files`, or name the `project` whose repository has it.' }
    : problem;

const lookFirstInto = (files: LintRequest['files'], commit: Look | undefined): Look => ({
  file: async (path) => (Object.hasOwn(files, path) ? files[path] : commit?.file(path)),
  paths: async () => [...new Set([...Object.keys(files), ...((await commit?.paths()) ?? [])])],
  changes: async (since) => (await commit?.changes(since)) ?? null,
  elsewhere: async (location) => (await commit?.elsewhere(location)) ?? notLookedUp(location, commit ? {} : ONLY_FILES),
});
