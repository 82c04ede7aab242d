import { describe, expect, it } from '@jest/globals';
import type { Problem, Upstream } from '@foldline/contracts';
import { readFileSync } from 'node:fs';
import { compile } from './compile.ts';
import { keyOf, type NotFound } from './elsewhere.ts';
import { lint } from './lint/lint.ts';
import { limits } from './limits.ts';
import { compilerProblemCodes, problemCodes, type CompilerProblemCode } from './problem-codes.ts';
import { problemHints } from './problem-hints.ts';

const jobs = (count: number, rest: string): string =>
  Array.from({ length: count }, (_, index) => `j${index}: {script: x, ${rest}}`).join('\n');

const matrixOfTriggers = (name: string): string =>
  `${name}: {trigger: ada/engine, parallel: {matrix: [{A: [${Array.from({ length: 200 }, (_, index) => index).join()}]}]}}`;

/** A definition with the problem, for codes whose page cannot show one: what is too large does not fit there. */
const samples: Partial<Record<CompilerProblemCode, string>> = {
  'binary-content': 'a: {script: "\u0000"}',
  'file-too-large': 'x'.repeat(limits.fileBytes + 1),
  'include-cycle': 'include: a.yml',
  'include-integrity': `include: [{ remote: https://example.com/a.yml, integrity: sha256-${'A'.repeat(43)}= }]`,
  'include-missing-file': 'include: nowhere.yml',
  'include-not-allowed': 'include: [{ component: example.com/acme/library/build@1 }]',
  'include-not-looked-up': 'include: https://example.com/unknown.yml',
  'include-too-large': 'include: https://example.com/large.yml',
  'include-unknown-ref': 'include: https://example.com/unknown-ref.yml',
  'include-unreachable': 'include: https://example.com/slow.yml',
  'too-many-includes': `include: [${Array.from({ length: limits.includes + 1 }, () => 'b.yml').join(', ')}]`,
  'plan-too-large': `a: {script: "${'x'.repeat(400_000)}", parallel: 200}`,
  'shell-unchecked': `a: {script: "${'$('.repeat(100_000)}"}`,
  'too-deep': '['.repeat(100),
  'resource-group-held': 'a: {resource_group: g, trigger: {include: c.yml, strategy: depend}}',
  'downstream-too-deep': 'a: {trigger: ada/engine}',
  'too-many-downstream': Array.from({ length: 6 }, (_, index) => matrixOfTriggers(`j${index}`)).join('\n'),
  'too-many-jobs': jobs(51, 'parallel: 200'),
  'too-many-keys': Array.from({ length: 6_000 }, (_, index) => `k${index}: 1`).join('\n'),
  'too-many-problems': jobs(limits.problems + 1, 'wrong: 1'),
  'variable-too-large': `a: {script: x, variables: {A: "${'x'.repeat(limits.valueBytes + 1)}"}}`,
};

/** What the definitions may include. */
const remote = (name: string): string => keyOf({ kind: 'remote', url: `https://example.com/${name}.yml` });
const unread = (problem: CompilerProblemCode): NotFound => ({ problem, message: 'It was not read.' });
const sources = {
  files: { 'a.yml': 'include: a.yml', 'b.yml': 'b: { script: x }', 'c.yml': 'c: { script: x, resource_group: g }' },
  elsewhere: {
    [remote('a')]: { text: 'a: { script: x }', sha256: '00' },
    [remote('large')]: unread('include-too-large'),
    [remote('unknown-ref')]: unread('include-unknown-ref'),
    [remote('slow')]: unread('include-unreachable'),
  },
};

/** The job that has asked for the pipeline, where the problem is one of what jobs start. */
const upstreams: Partial<Record<CompilerProblemCode, Upstream>> = {
  'downstream-too-deep': {
    pipelineId: 'p0',
    jobId: 'p0.0',
    attempt: 1,
    project: 'ada/engine',
    depth: limits.downstreamDepth,
    budget: 9,
  },
};

const problemsOf = (text: string, upstream?: Upstream): Problem[] => {
  const ref = { name: 'develop', kind: 'branch' } as const;
  const server = { version: '1.0.0', url: 'https://ci.example.org' };
  const trigger = { ref, source: 'push', variables: {}, server, ...(upstream && { upstream }) } as const;
  const result = compile({ file: 'f.yml', text, trigger, sources });
  const planned = 'plan' in result ? result.plan.warnings : result.problems;
  return [...planned, ...lint('f.yml', text, sources)];
};

const before = (code: string): string | undefined =>
  /Before:\n\n```yaml\n([^]*?)```/.exec(
    readFileSync(new URL(`../../../docs/problems/${code}.md`, import.meta.url), 'utf8'),
  )?.[1];

describe('A problem', () => {
  // Only a child process gives up on what is too complex; its spec has the sample.
  const codes = compilerProblemCodes.filter((code) => code !== 'definition-too-complex');

  it.each(codes)('with the code %s says what to do', (code) => {
    const text = samples[code] ?? before(code);
    const problem = problemsOf(text!, upstreams[code]).find((problem) => problem.code === code);
    expect(problem?.hint).toMatch(/^\S.{8,}[.?]$/);
    expect(problem?.hint).not.toBe(problem?.message);
  });

  it.each(['a: 1', 'a: {script: x, timeout: [1]}', '- a', 'a: {script: x, retry: {max: 1, when: []}}', '&a a: *b'])(
    'of `%s` says what to do, whichever it is',
    (text) => {
      const problems = problemsOf(text);
      expect(problems.length).toBeGreaterThan(0);
      for (const { hint } of problems) expect(hint).toMatch(/^\S.{8,}[.?]$/);
    },
  );

  it('has a code in kebab-case and a sentence for it', () => {
    for (const code of problemCodes) expect(code).toMatch(/^[a-z]+(-[a-z]+)+$/);
    for (const hint of Object.values(problemHints)) expect(hint).toMatch(/^[A-Z].{8,}\.$/);
  });
});
