import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile, type CompileInput } from './compile.ts';
import { notLookedUp, type Location } from './elsewhere.ts';
import { lint } from './lint/lint.ts';
import { DefinitionCompiler } from './definition-compiler.ts';

const input = (text: string): CompileInput => {
  const ref = { name: 'main', kind: 'branch' } as const;
  return { file: '.codara-ci.yml', text, trigger: { ref, source: 'push', variables: {} } };
};
const flagship = readFileSync(new URL('../../../test/plans/S0-flagship/definition.yml', import.meta.url), 'utf8');
const costly = (job: number): string =>
  Array.from({ length: 50 }, (_, index) => `"/${'\\\\pL{900}'}\\\\pN{9}${job}-${index}/"`).join(', ');
/** Takes minutes: every pattern is compiled, and each is as costly as one can be. */
const slow = `a: {script: x}\n${Array.from({ length: 200 }, (_, job) => `j${job}: {script: x, only: [${costly(job)}]}\n`).join('')}`;

const childrenOfThisProcess = (): number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);

// The child runs what `tsc -b` made; in a tree that was never built these fail.
describe('The compiler in a child process', () => {
  let compiler: DefinitionCompiler;
  afterEach(async () => compiler.close());

  it('answers what the pure compiler answers', async () => {
    compiler = new DefinitionCompiler();
    expect(await compiler.compile(input(flagship))).toEqual(compile(input(flagship)));
  });

  it('answers what the pure linter answers, also about the files that a definition includes', async () => {
    compiler = new DefinitionCompiler();
    const [file, text] = ['ci.yml', 'include: more.yml\na: {scrpt: x, only: [nowhere]}\n'];
    const more = 'b: {script: x, needs: [c]}\n';
    const look = {
      file: async (path: string) => (path === 'more.yml' ? more : undefined),
      paths: async () => [],
      changes: async () => null,
      elsewhere: async (location: Location) => notLookedUp(location),
    };
    const { problems } = await compiler.lint({ file, text }, look);
    expect(problems.map(({ code }) => code)).toEqual(expect.arrayContaining(['unknown-keyword', 'needs-missing-job']));
    expect(problems).toEqual(lint(file, text, { files: { 'more.yml': more } }));
  });

  it('refuses deep nesting before any child lints it', async () => {
    compiler = new DefinitionCompiler({ timeoutMs: 1 });
    const { problems } = await compiler.lint({ file: 'ci.yml', text: `a: ${'['.repeat(5000)}` });
    expect(problems).toMatchObject([{ code: 'too-deep' }]);
  });

  it('answers requests that come at once, each with its own', async () => {
    compiler = new DefinitionCompiler();
    const texts = Array.from({ length: 20 }, (_, index) => `job${index}: {script: x}`);
    const results = await Promise.all(texts.map((text) => compiler.compile(input(text))));
    expect(results).toEqual(texts.map((text) => compile(input(text))));
  });

  it('refuses deep nesting before any child sees it', async () => {
    compiler = new DefinitionCompiler({ timeoutMs: 1 });
    const result = await compiler.compile(input(`a: ${'['.repeat(5000)}`));
    expect(result).toMatchObject({ problems: [{ code: 'too-deep' }], decisions: [] });
  });

  it('stops a definition that takes too long, and answers the next', async () => {
    compiler = new DefinitionCompiler({ timeoutMs: 500 });
    await compiler.warm();
    const [late, next] = await Promise.all([compiler.compile(input(slow)), compiler.compile(input('a: {script: x}'))]);
    expect(late).toMatchObject({
      problems: [{ code: 'definition-too-complex', severity: 'error', hint: expect.any(String) }],
    });
    expect(next).toMatchObject({ plan: { jobs: [{ name: 'a' }] } });
  });

  it('takes the time of a busy machine for nothing that the definition did', async () => {
    compiler = new DefinitionCompiler({ timeoutMs: 300 });
    const others = childrenOfThisProcess();
    await compiler.warm();
    const child = childrenOfThisProcess().find((pid) => !others.includes(pid));
    process.kill(child!, 'SIGSTOP');
    const result = compiler.compile(input('a: {script: x}'));
    // Much longer than the limit by the wall's clock, in which the child gets no CPU.
    await sleep(900);
    process.kill(child!, 'SIGCONT');
    expect(await result).toMatchObject({ plan: { jobs: [{ name: 'a' }] } });
  });

  it('survives a child that runs out of memory', async () => {
    compiler = new DefinitionCompiler({ memoryMb: 24, timeoutMs: 20_000 });
    const jobs = Array.from({ length: 4500 }, (_, job) => `j${job}: {script: [a, b], cache: {paths: [x]}}\n`).join('');
    expect(await compiler.compile(input(jobs))).toMatchObject({ problems: [{ code: 'definition-too-complex' }] });
    expect(await compiler.compile(input('a: {script: x}'))).toMatchObject({ plan: { jobs: [{ name: 'a' }] } });
  });

  it('refuses to compile once it is closed', async () => {
    compiler = new DefinitionCompiler();
    await compiler.warm();
    await compiler.close();
    await expect(compiler.compile(input('a: {script: x}'))).rejects.toThrow('closed');
  });
});
