import type {
  PipelineContext,
  PipelineRequested,
  Plan,
  PlanDecision,
  Problem,
  ProjectRef,
  SealedVariable,
} from '@foldline/contracts';
import { PermanentError, Refusal, type Logger, type SecretBox, type SourceRepository } from '@foldline/kernel';
import type { DefinitionCompiler, LintInput } from './definition-compiler.ts';
import { DEFINITION_FILES } from './dialect.ts';
import { plannedFrom } from './planned-from.ts';
import type { ProblemCode } from './problem-codes.ts';
import { problemHints } from './problem-hints.ts';
import type { Trigger } from './select-jobs.ts';
import type { Look } from './sources.ts';

const MAX_DEFINITION_BYTES = 512 * 1024;
/** Characters of a commit's message that go with the pipeline: every job's assignment carries them. */
const MAX_MESSAGE = 16 * 1024;
/** What a person reads about a definition that could not be fetched; each has a page in `docs/problems/`. */
const PROBLEM_CODES: Readonly<Record<string, ProblemCode>> = {
  'no-definition': 'no-definition',
  definition_not_a_file: 'definition-not-a-file',
  definition_too_large: 'file-too-large',
};
/** What a branch pointed to before it was there. */
const NO_COMMIT = /^0+$/;
const OUT_OF_REACH: ProblemCode = 'commit-unavailable';

type Request = ReturnType<typeof PipelineRequested>['data'];
type SealedValue = NonNullable<Trigger['sealed']>[number];
/** Whose definition it is. */
export type Commit = Pick<PipelineContext, 'sha' | 'message'>;
type Rejection = { problems: Problem[]; decisions: PlanDecision[] };
/** What a request comes to. `commit` is missing where none was found, or none of it could be fetched. */
export type Outcome = { commit: Commit; plan: Plan } | ({ commit?: Commit } & Rejection);

export type PlanningTools = {
  compiler: DefinitionCompiler;
  repositories: SourceRepository;
  box: SecretBox;
  logger: Logger;
};

/**
 * The plan of a requested pipeline from the definition at its commit, or what stands in its way. Trouble that may pass
 * rejects. Whoever asks gets the same answer: the planner, which records it, and the gateway, which only tells it.
 */
export const planRequested = async (request: Request, tools: PlanningTools): Promise<Outcome> => {
  let commit: Commit | undefined;
  try {
    commit = await fetchCommit(request, tools.repositories);
    return { commit, ...(await compileAt(request, commit, tools)) };
  } catch (error) {
    return { ...(commit ? { commit } : {}), problems: [problemOf(error, DEFINITION_FILES[0])], decisions: [] };
  }
};

/** Every problem of a text, or what stands in the way of the files that it includes. */
export const lintDefinition = async (
  input: LintInput,
  look: Look,
  compiler: DefinitionCompiler,
): Promise<{ problems: Problem[] }> => {
  try {
    return await compiler.lint(input, look);
  } catch (error) {
    return { problems: [problemOf(error, input.file)] };
  }
};

/** A commit that was brought to this host; `before` is what its branch pointed to when it was pushed. */
export type LookedAt = { project: Pick<ProjectRef, 'id' | 'url'>; sha: string; before?: string | undefined };

export const commitLook = (repositories: SourceRepository, { project, sha, before }: LookedAt): Look => ({
  file: async (path) => (await repositories.readFile(project.id, sha, path, MAX_DEFINITION_BYTES))?.toString('utf8'),
  paths: () => repositories.listFiles(project.id, sha),
  changes: async (since) => {
    const from = since === '' ? before : (await repositories.resolveRef(project.url, since))?.sha;
    if (from === undefined || NO_COMMIT.test(from)) return null;
    try {
      await repositories.fetchCommit({ projectId: project.id, url: project.url, ref: since || from, sha: from });
      return await repositories.changedFiles(project.id, { from, to: sha, sinceFork: since !== '' });
    } catch (error) {
      // A commit that was overwritten may be gone from the repository.
      if (error instanceof PermanentError) return null;
      throw error;
    }
  },
});

const fetchCommit = async ({ project, ref, sha: known }: Request, repositories: SourceRepository): Promise<Commit> => {
  const sha = known ?? (await repositories.resolveRef(project.url, ref.name))?.sha;
  if (!sha) throw new Refusal('unknown_ref', `${project.url} has no ref ${ref.name}`);
  await repositories.fetchCommit({ projectId: project.id, url: project.url, ref: ref.name, sha });
  const { message } = await repositories.describeCommit(project.id, sha);
  return { sha, message: message.slice(0, MAX_MESSAGE) };
};

const compileAt = async (
  { pipelineId, project, ref, source, variables, projectVariables }: Request,
  { sha, message }: Commit,
  { compiler, repositories, box, logger }: PlanningTools,
): Promise<{ plan: Plan } | Rejection> => {
  const look = commitLook(repositories, { project, sha });
  const { file, text } = await definitionOf(look, sha);
  const sealed = projectVariables.map((variable) => opened(variable, project.id, box, logger));
  const trigger: Trigger = { ref, source, variables, pipelineId, project, sha, message, sealed };
  const result = await compiler.compile({ file, text, trigger }, look);
  const plan = plannedFrom(file, result);
  return plan ? { plan } : result;
};

const definitionOf = async (look: Look, sha: string): Promise<{ file: string; text: string }> => {
  for (const file of DEFINITION_FILES) {
    const text = await look.file(file);
    if (text !== undefined) return { file, text };
  }
  const names = DEFINITION_FILES.join(' nor ');
  throw new Refusal('no-definition', `commit ${sha.slice(0, 8)} has neither ${names} in its root`);
};

/** Rules may look at the value. One that does not open is none to them; the job that gets it will fail by it. */
const opened = (
  { key, masked, sealed }: SealedVariable,
  projectId: string,
  box: SecretBox,
  logger: Logger,
): SealedValue => {
  try {
    return { name: key, masked, value: box.open(sealed, `project:${projectId}:variable:${key}`) };
  } catch (err) {
    if (!(err instanceof PermanentError)) throw err;
    logger.warn({ err, projectId, key }, 'a variable of the project does not open; rules are decided without it');
    return { name: key, masked };
  }
};

/** Trouble that stays, as a problem of the definition; any other is thrown on. */
const problemOf = (error: unknown, file: string): Problem => {
  if (!(error instanceof Refusal) && !(error instanceof PermanentError)) throw error;
  const code = (error instanceof Refusal ? PROBLEM_CODES[error.code] : undefined) ?? OUT_OF_REACH;
  return { code, severity: 'error', message: error.message, file, line: 1, column: 1, hint: problemHints[code] };
};
