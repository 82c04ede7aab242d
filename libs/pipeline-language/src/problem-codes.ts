/** What can be wrong in the text of a definition: given by the compiler alone. */
export const compilerProblemCodes = [
  'alias-limit',
  'binary-content',
  'conflicting-keywords',
  'coverage-quoted',
  'custom-tag',
  'definition-too-complex',
  'dependency-excluded',
  'dependency-later-stage',
  'dependency-missing-job',
  'dependency-not-needed',
  'duplicate-job-name',
  'duplicate-key',
  'extends-cycle',
  'extends-missing-job',
  'file-too-large',
  'folded-shell',
  'forbidden-key',
  'include-cycle',
  'include-missing-file',
  'invalid-duration',
  'invalid-expression',
  'invalid-job-name',
  'invalid-pattern',
  'invalid-reference',
  'invalid-regex',
  'invalid-size',
  'invalid-value',
  'invalid-variable-name',
  'matrix-too-large',
  'missing-script',
  'multiple-documents',
  'needs-cycle',
  'needs-later-stage',
  'needs-missing-job',
  'no-jobs',
  'plan-too-large',
  'reserved-variable',
  'sealed-variable',
  'shard-index-zero',
  'too-deep',
  'too-many-includes',
  'too-many-jobs',
  'too-many-keys',
  'too-many-needs',
  'too-many-problems',
  'unknown-keyword',
  'unknown-stage',
  'unreachable-rule',
  'unsafe-path',
  'unsupported-keyword',
  'variable-too-large',
  'wrong-type',
  'yaml-syntax',
] as const;

/** Why there is no text to compile: given by whoever fetches the definition from its repository. */
export const sourceProblemCodes = ['commit-unavailable', 'definition-not-a-file', 'no-definition'] as const;

/** Every code a definition's problems can have. Each has a page `docs/problems/<code>.md`; a spec compares the two. */
export const problemCodes = [...compilerProblemCodes, ...sourceProblemCodes] as const;

export type CompilerProblemCode = (typeof compilerProblemCodes)[number];
export type SourceProblemCode = (typeof sourceProblemCodes)[number];
export type ProblemCode = CompilerProblemCode | SourceProblemCode;
