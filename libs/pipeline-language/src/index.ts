export { attemptToCompile, attemptToLint, compile, lint, type CompileInput, type CompileResult } from './compile.ts';
export { DefinitionCompiler, type DefinitionCompilerOptions, type LintInput } from './definition-compiler.ts';
export { DEFINITION_FILES } from './dialect.ts';
export { commitLook, lintDefinition, planRequested, type Outcome, type PlanningTools } from './plan-requested.ts';
export { plannedFrom } from './planned-from.ts';
export { problemCodes, sourceProblemCodes, type ProblemCode, type SourceProblemCode } from './problem-codes.ts';
export { problemHints } from './problem-hints.ts';
export { withSources, type Look, type Sources, type Wanted } from './sources.ts';
export { describe as describeTrigger, type Trigger } from './select-jobs.ts';
