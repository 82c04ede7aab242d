import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { compile, type CompileResult } from './compile.ts';
import { lint } from './lint/lint.ts';

const ref = { name: 'main', kind: 'branch' } as const;
const run = (text: string): CompileResult =>
  compile({ file: 'f.yml', text, trigger: { ref, source: 'push', variables: {} } });
const codes = (text: string): string[] => {
  const result = run(text);
  return ('plan' in result ? result.plan.warnings : result.problems).map(({ code }) => code);
};
const cases = new URL('../../../test/plans/', import.meta.url);
const seeds = readdirSync(cases).map((name) => readFileSync(new URL(`${name}/definition.yml`, cases), 'utf8'));

const jobs = (count: number, body: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => `j${index}: {script: x, ${body(index)}}`).join('\n');

describe('Compiling a hostile file', () => {
  const bomb = `.a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((name, index) => `.${name}: &${name} [${`*${'abcdefg'[index]},`.repeat(7)}]`).join('\n')}`;
  it.each([
    ['aliases of aliases', bomb, 'alias-limit'],
    ['an alias of itself', '.a: &a [*a]', 'alias-limit'],
    ['51 aliases', `.a: &a x\nb: {script: [${'*a,'.repeat(51)}]}`, 'alias-limit'],
    ['20,000 keys', Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'), 'too-many-keys'],
    ['__proto__', '__proto__: {script: x}', 'forbidden-key'],
    ['constructor among variables', 'a: {script: x, variables: {constructor: y}}', 'forbidden-key'],
    ['a custom tag', 'a: {script: !!js/function x}', 'custom-tag'],
    ['10,001 jobs', jobs(51, () => 'parallel: 200'), 'too-many-jobs'],
    [
      'too large a matrix',
      'a: {script: x, matrix: [{A: [1,2,3,4,5,6], B: [1,2,3,4,5,6], C: [1,2,3,4,5,6]}]}',
      'matrix-too-large',
    ],
    ['too many edges', jobs(4, (index) => `parallel: 200, needs: [${index ? 'j0' : ''}]`), 'too-many-needs'],
    [
      'a script that copies multiply',
      `.s: &s "${'x'.repeat(400_000)}"\n${jobs(1, () => 'parallel: 200, after_script: *s')}`,
      'plan-too-large',
    ],
    ['a variable of 64 KiB and one', `a: {script: x, variables: {A: "${'x'.repeat(65_537)}"}}`, 'variable-too-large'],
  ])('with %s answers a problem', (_, text, code) => expect(codes(text)).toContain(code));

  it('says why of each job, also where what it asks for could not be read', () => {
    const result = run('a: {script: x, only: {variables: make}}');
    expect('decisions' in result && result.decisions.filter(({ because }) => because === '')).toEqual([]);
  });

  it('with a carriage return alone has problems without control characters', () => {
    const result = run('a: |\r\r\n  b\r\r\n');
    expect('problems' in result && result.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^\P{Cc}+$/u),
    ]);
  });

  it('keeps the prototype of everything clean', () => {
    run('a: {script: x, variables: {__proto__: {polluted: 1}}}');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('compiles 1,000 parallel jobs and a chain of 5,000', () => {
    const parallel = run(jobs(5, () => 'parallel: 200'));
    expect('plan' in parallel && parallel.plan.jobs.length).toBe(1000);
    const chain = run(jobs(5000, (index) => `needs: [${index > 0 ? `j${index - 1}` : ''}]`));
    expect('plan' in chain && chain.plan.jobs.at(-1)?.waitsFor).toEqual([{ job: 4998, artifacts: true }]);
  });

  it('never throws and always answers a plan with jobs or an error', () => {
    const check = (text: string): void => {
      const result = run(text);
      if ('plan' in result) expect(result.plan.jobs.length).toBeGreaterThan(0);
      else expect(result.problems.some(({ severity }) => severity === 'error')).toBe(true);
      expect(run(text)).toEqual(result);
      lint('f.yml', text);
    };
    const yamlish = fc.string({
      unit: fc.constantFrom(...'ab:-[]{}&*!|>\'"#%@`,? \n\t/\\$0.', 'script:', '\n  '),
      maxLength: 80,
    });
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), yamlish), check), { numRuns: 300 });
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.nat(30), yamlish)
      .map(([text, where, cut, insert]) => {
        const start = where % text.length;
        return text.slice(0, start) + insert.slice(0, 8) + text.slice(start + cut);
      });
    fc.assert(fc.property(mutated, check), { numRuns: 300 });
  });
});

describe('Compiling a file that asks for something', () => {
  const text =
    'spec: {inputs: {level: {}, copies: {type: number, default: 1}}}\n---\na: {script: "$[[ inputs.level ]]", parallel: "$[[ inputs.copies ]]"}';
  const given = (inputs?: Record<string, unknown>): CompileResult =>
    compile({ file: 'f.yml', text, trigger: { ref, source: 'pipeline', variables: {} }, ...(inputs && { inputs }) });

  it('fills in what is given', () =>
    expect(given({ level: 'full', copies: 2 })).toMatchObject({
      plan: { jobs: [{ name: 'a 1/2', steps: [{ commands: ['full'] }] }, { name: 'a 2/2' }] },
    }));

  it('tells what is not given', () =>
    expect(given()).toMatchObject({ problems: [{ code: 'missing-input', line: 1, column: 1 }] }));
});

describe('Linting', () => {
  it('does not leave out jobs, so that every trigger is covered', () =>
    expect(lint('f.yml', 'a: {script: x, only: [tags]}\nb: {script: x, needs: [a]}')).toEqual([]));

  it('finds what no trigger can make right', () =>
    expect(lint('f.yml', 'a: {script: x, needs: [c]}')).toMatchObject([
      { code: 'needs-missing-job', line: 1, column: 24 },
    ]));

  it('says that a file has no jobs', () => expect(lint('f.yml', '')).toMatchObject([{ code: 'no-jobs' }]));
});
