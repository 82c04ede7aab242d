import {
  beginning,
  variableSeal,
  type ChildDefinition,
  type CommitFacts,
  type PipelineContext,
  type PipelineRequested,
  type Plan,
  type PlanDecision,
  type Problem,
  type SealedVariable,
} from '@foldline/contracts';
import { PermanentError, Refusal, type Logger, type SecretBox, type SourceRepository } from '@foldline/kernel';
import { buildPlan } from './build-plan.ts';
import { childText } from './child-text.ts';
import { commitLook } from './commit-look.ts';
import type { CompileInput, LintInput } from './compile.ts';
import type { DefinitionCompiler } from './definition-compiler.ts';
import { DEFINITION_FILES } from './dialect.ts';
import { lockfilesAmong } from './lockfile-caches.ts';
import { plannedFrom } from './planned-from.ts';
import type { ProblemCode } from './problem-codes.ts';
import { problemHints } from './problem-hints.ts';
import { artifactReader, type ArtifactTools } from './read-artifact.ts';
import type { ElsewhereTools } from './read-elsewhere.ts';
import { fileStart } from './read-file.ts';
import type { Trigger } from './select-jobs.ts';
import type { Look } from './sources.ts';
import { submissionPlan } from './submission-plan.ts';

/** Characters of a commit's message that go with the pipeline: every job's assignment carries them. */
const MAX_MESSAGE = 16 * 1024;
const MAX_AUTHOR = 512;
/** What a person reads about a definition that could not be fetched; each has a page in `docs/problems/`. */
const PROBLEM_CODES: Readonly<Record<string, ProblemCode>> = {
  'no-definition': 'no-definition',
  definition_not_a_file: 'definition-not-a-file',
  definition_too_large: 'file-too-large',
};
const OUT_OF_REACH: ProblemCode = 'commit-unavailable';

type Request = ReturnType<typeof PipelineRequested>['data'];
type SealedValue = NonNullable<Trigger['sealed']>[number];
/** Whose definition it is. */
export type Commit = Pick<PipelineContext, 'sha' | 'message'>;
type Rejection = { problems: Problem[]; decisions: PlanDecision[] };
/** What a request comes to. `commit` is missing where none was found, or none of it could be fetched. */
export type Outcome = { context: PipelineContext; plan: Plan } | ({ commit?: Commit } & Rejection);
type Described = Commit & { commit: CommitFacts };
type Place = Pick<Problem, 'file' | 'line' | 'column'>;
type Definition = Pick<CompileInput, 'file' | 'text'> & { at?: Place };

export type PlanningTools = ElsewhereTools & {
  compiler: DefinitionCompiler;
  box: SecretBox;
  logger: Logger;
  /** For who plans what jobs start. */
  artifacts?: ArtifactTools;
};

/**
 * The plan of a requested pipeline from the definition at its commit, or what stands in its way. Trouble that may pass
 * rejects. Whoever asks gets the same answer: the planner, which records it, and the gateway, which only tells it.
 */
export const planRequested = async (request: Request, requestedAt: string, tools: PlanningTools): Promise<Outcome> => {
  let commit: Commit | undefined;
  let context: PipelineContext | undefined;
  try {
    const described = await fetchCommit(request, tools.repositories);
    commit = { sha: described.sha, message: described.message };
    context = contextOf(request, requestedAt, described);
    const asked = await planAsked(request, { sha: described.sha, repositories: tools.repositories });
    if (asked) return { context, plan: asked };
    return { commit, ...(await compileAt(context, request, tools)) };
  } catch (error) {
    if (context && request.mayLackDefinition && isNoDefinition(error)) return { context, plan: planOfNothing(error) };
    return { ...(commit ? { commit } : {}), ...refused(error, placeOf(request)) };
  }
};

/** What needs no definition. */
const planAsked = async (
  { build, submission, project }: Request,
  { sha, repositories }: { sha: string; repositories: SourceRepository },
): Promise<Plan | undefined> => {
  if (build) return buildPlan(build);
  if (!submission) return undefined;
  const files = submission.cacheKeys ? [] : await repositories.listFiles(project.id, sha);
  return submissionPlan(submission, lockfilesAmong(new Set(files)));
};

/** Everything that is known now and that nobody need ask for again. */
const contextOf = (
  {
    sha: _sha,
    definition: _definition,
    inputs: _inputs,
    build: _build,
    submission: _submission,
    mayLackDefinition: _may,
    ...asked
  }: Request,
  createdAt: string,
  { sha, message, commit }: Described,
): PipelineContext => ({ ...asked, sha, message, commit, createdAt });

/** Every problem of a text, or what stands in the way of the files that it includes. */
export const lintDefinition = async (
  input: LintInput,
  look: Look,
  compiler: DefinitionCompiler,
): Promise<{ problems: Problem[] }> => {
  try {
    return await compiler.lint(input, look);
  } catch (error) {
    return { problems: [problemOf(error, { ...fileStart, file: input.file })] };
  }
};

const fetchCommit = async (
  { project, ref, sha: known }: Request,
  repositories: SourceRepository,
): Promise<Described> => {
  const sha = known ?? (await repositories.resolveRef(project.url, ref.name))?.sha;
  if (!sha) throw new Refusal('unknown_ref', `${project.url} has no ref ${ref.name}`);
  await repositories.fetchCommit({ projectId: project.id, url: project.url, ref: ref.name, sha });
  const { message, author, email, at } = await repositories.describeCommit(project.id, sha);
  const tagMessage =
    ref.kind === 'tag'
      ? await repositories.tagMessage({ projectId: project.id, url: project.url, tag: ref.name })
      : undefined;
  const commit: CommitFacts = {
    author: beginning(`${author} <${email}>`, MAX_AUTHOR),
    at,
    ...(tagMessage === undefined ? {} : { tagMessage: beginning(tagMessage, MAX_MESSAGE) }),
  };
  return { sha, message: beginning(message, MAX_MESSAGE), commit };
};

const compileAt = async (
  context: PipelineContext,
  asked: Pick<Request, 'definition' | 'inputs'>,
  tools: PlanningTools,
): Promise<{ context: PipelineContext; plan: Plan } | Rejection> => {
  const { projectVariables, secrets: _secrets, ...facts } = context;
  const { project, sha, before } = context;
  const { compiler, box, logger, artifacts } = tools;
  const readArtifact = asked.definition && artifacts && artifactReader(asked.definition, artifacts);
  const look = commitLook({ ...tools, ...(readArtifact && { readArtifact }) }, { project, sha, before });
  const definition = asked.definition ? childOf(asked.definition, asked.inputs) : await definitionOf(look, sha);
  if ('problems' in definition) return definition;
  const { file } = definition;
  const sealed = projectVariables.map((variable) => opened(variable, project.id, box, logger));
  const inputs = !asked.definition && asked.inputs && { inputs: asked.inputs };
  const trigger = { ...facts, file, sealed };
  const compiled = compiler.compile({ ...definition, ...inputs, trigger }, look);
  const result = await compiled.catch((error: unknown) => refused(error, definition.at ?? { ...fileStart, file }));
  const plan = plannedFrom(file, result, context);
  if (!plan) return result as Rejection;
  return { plan, context: { ...context, file, ...(plan.name === undefined ? {} : { name: plan.name }) } };
};

/** Problems of what it is put together from are those of the place where the parent says so. */
const childOf = ({ include, root, file, line, column }: ChildDefinition, inputs: Request['inputs']): Definition => ({
  file: root ?? file,
  text: childText(include, inputs),
  at: { file, line, column },
});

/** One that is there and cannot be read is refused where it is. */
const definitionOf = async (look: Look, sha: string): Promise<Definition | Rejection> => {
  for (const file of DEFINITION_FILES) {
    try {
      const text = await look.file(file);
      if (text !== undefined) return { file, text };
    } catch (error) {
      return refused(error, { ...fileStart, file });
    }
  }
  const names = DEFINITION_FILES.join(' nor ');
  throw new Refusal('no-definition', `commit ${sha.slice(0, 8)} has neither ${names} in its root`);
};

/** Rules may look at the value. One that does not open is none to them; the job that gets it will fail by it. */
const opened = (
  { key, masked, sealed, scope, kind, expand }: SealedVariable,
  projectId: string,
  box: SecretBox,
  logger: Logger,
): SealedValue => {
  const known = { name: key, masked, ...(scope !== undefined && { scope }), ...(expand && !kind && { expand }) };
  try {
    return { ...known, value: box.open(sealed, variableSeal(projectId, key, scope)) };
  } catch (err) {
    if (!(err instanceof PermanentError)) throw err;
    logger.warn({ err, projectId, key }, 'a variable of the project does not open; rules are decided without it');
    return known;
  }
};

const placeOf = ({ definition, build }: Request): Place => {
  if (build) return { ...fileStart, file: build.dockerfile };
  const { file, line, column } = definition ?? { ...fileStart, file: DEFINITION_FILES[0] };
  return { file, line, column };
};

const refused = (error: unknown, place: Place): Rejection => ({ problems: [problemOf(error, place)], decisions: [] });

/** Trouble that stays, as a problem of the definition; any other is thrown on. */
const problemOf = (error: unknown, place: Place): Problem => {
  if (!(error instanceof Refusal) && !(error instanceof PermanentError)) throw error;
  const code = (error instanceof Refusal ? PROBLEM_CODES[error.code] : undefined) ?? OUT_OF_REACH;
  return { code, severity: 'error', message: error.message, ...place, hint: problemHints[code] };
};

const isNoDefinition = (error: unknown): error is Refusal => error instanceof Refusal && error.code === 'no-definition';

/** Nothing is to be done, and that is said. */
const planOfNothing = ({ message }: Refusal): Plan => ({
  version: 1,
  file: DEFINITION_FILES[0],
  stages: [],
  variables: {},
  jobs: [],
  warnings: [
    {
      code: 'no-definition',
      severity: 'warning',
      message,
      ...fileStart,
      file: DEFINITION_FILES[0],
      hint: problemHints['no-definition'],
    },
  ],
  decisions: [],
});
