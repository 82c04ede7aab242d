import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  planStream,
  type PipelineContext,
  type PipelineRequested,
  type Problem,
  type Recorded,
  type SealedVariable,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  PermanentError,
  Refusal,
  because,
  type Commands,
  type Logger,
  type SecretBox,
  type SourceRepository,
} from '@foldline/kernel';
import {
  DefinitionCompiler,
  plannedFrom,
  problemHints,
  type ProblemCode,
  type Look,
  type Trigger,
} from '@foldline/pipeline-language';
import { planDecider, type Commit, type PlanCommand } from './plan.decider.ts';

export const DEFINITION_FILE = '.codara-ci.yml';
const MAX_DEFINITION_BYTES = 512 * 1024;
/** Characters of a commit's message that go with the pipeline: every job's assignment carries them. */
const MAX_MESSAGE = 16 * 1024;
/** What a person reads about a definition that could not be fetched; each has a page in `docs/problems/`. */
const PROBLEM_CODES: Readonly<Record<string, ProblemCode>> = {
  'no-definition': 'no-definition',
  definition_not_a_file: 'definition-not-a-file',
  definition_too_large: 'file-too-large',
};
const OUT_OF_REACH: ProblemCode = 'commit-unavailable';
type SealedValue = NonNullable<Trigger['sealed']>[number];
type Request = Recorded<ReturnType<typeof PipelineRequested>>;

/** A requested pipeline is planned from its definition at its commit; what stands in the way becomes the rejection. */
@Injectable()
export class PlanOnPipelineRequested implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly compiler = new DefinitionCompiler();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.sourceRepository) private readonly repositories: SourceRepository,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {}

  /** Compiling starts the compiler as well; starting it now only makes the first plan faster. */
  onApplicationBootstrap(): void {
    this.compiler
      .warm()
      .catch((error: unknown) =>
        this.logger.warn({ err: error }, 'the compiler did not start; the first plan tries again'),
      );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.compiler.close();
  }

  async plan(event: Request): Promise<void> {
    const { pipelineId } = event.data;
    const { planned } = await this.commands.stateOf(planStream(pipelineId), planDecider);
    if (planned) return;
    const command = await this.decide(event);
    await this.commands.handle(planStream(pipelineId), planDecider, command, because(event, 'pipeline-planner'));
  }

  private async decide({ data }: Request): Promise<PlanCommand> {
    const { pipelineId } = data;
    let commit: Commit | undefined;
    try {
      commit = await this.fetch(data);
      return await this.compile(data, commit);
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof PermanentError)) throw error;
      const code = (error instanceof Refusal ? PROBLEM_CODES[error.code] : undefined) ?? OUT_OF_REACH;
      return rejection(pipelineId, [problem(code, error.message)], commit);
    }
  }

  private async fetch({ project, ref, sha: known }: Request['data']): Promise<Commit> {
    const sha = known ?? (await this.repositories.resolveRef(project.url, ref.name))?.sha;
    if (!sha) throw new Refusal('unknown_ref', `${project.url} has no ref ${ref.name}`);
    await this.repositories.fetchCommit({ projectId: project.id, url: project.url, ref: ref.name, sha });
    const { message } = await this.repositories.describeCommit(project.id, sha);
    return { sha, message: message.slice(0, MAX_MESSAGE) };
  }

  private async compile(data: Request['data'], commit: Commit): Promise<PlanCommand> {
    const { pipelineId, project, ref, source, variables } = data;
    const { sha, message } = commit;
    const look: Look = {
      file: async (path) =>
        (await this.repositories.readFile(project.id, sha, path, MAX_DEFINITION_BYTES))?.toString('utf8'),
      paths: () => this.repositories.listFiles(project.id, sha),
      changes: async () => null,
    };
    const text = await look.file(DEFINITION_FILE);
    if (text === undefined)
      throw new Refusal('no-definition', `commit ${sha.slice(0, 8)} has no ${DEFINITION_FILE} in its root`);
    const result = await this.compiler.compile(
      {
        file: DEFINITION_FILE,
        text,
        trigger: {
          ref,
          source,
          variables,
          pipelineId,
          project,
          sha,
          message,
          sealed: data.projectVariables.map((variable) => this.opened(variable, project.id)),
        },
      },
      look,
    );
    const plan = plannedFrom(DEFINITION_FILE, result);
    if (!plan) return rejection(pipelineId, 'problems' in result ? result.problems : [], commit);
    return { type: 'RecordPlan', plan, context: contextOf(data, commit) };
  }

  /** Rules may look at the value. One that does not open is none to them; the job that gets it will fail by it. */
  private opened({ key, masked, sealed }: SealedVariable, projectId: string): SealedValue {
    try {
      return { name: key, masked, value: this.box.open(sealed, `project:${projectId}:variable:${key}`) };
    } catch (err) {
      if (!(err instanceof PermanentError)) throw err;
      this.logger.warn(
        { err, projectId, key },
        'a variable of the project does not open; rules are decided without it',
      );
      return { name: key, masked };
    }
  }
}

const rejection = (pipelineId: string, problems: Problem[], commit: Commit | undefined): PlanCommand => ({
  type: 'RejectPlan',
  pipelineId,
  problems,
  ...(commit ? { commit } : {}),
});

const contextOf = (data: Request['data'], { sha, message }: Commit): PipelineContext => ({
  pipelineId: data.pipelineId,
  project: data.project,
  ref: data.ref,
  sha,
  message,
  source: data.source,
  variables: data.variables,
  projectVariables: data.projectVariables,
  secrets: data.secrets,
});

const problem = (code: ProblemCode, message: string): Problem => ({
  code,
  severity: 'error',
  message,
  file: DEFINITION_FILE,
  line: 1,
  column: 1,
  hint: problemHints[code],
});
