import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CallersSet, ProjectRegistered, projectStream } from '@foldline/contracts';
import { projectIdOf } from '@foldline/kernel';
import { jobsOf, PlannerSandbox } from './planner-sandbox.fixture.ts';
import { Repository } from './repository.fixture.ts';

const LINT = 'lint:\n  script: make lint\n';
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const COMPONENT = 'spec: { inputs: { name: { default: lint } } }\n---\n$[[ inputs.name ]]: { script: make }\n';
const LIBRARY = { projectId: projectIdOf('acme', 'library'), owner: 'acme', name: 'library' };
const libraryStream = projectStream(LIBRARY.projectId);

let sandbox: PlannerSandbox;
const commits: Record<string, string> = {};

beforeAll(async () => {
  sandbox = await PlannerSandbox.start({ includeHosts: [], allowPrivateTargets: false });
  sandbox.engine.commit({ 'templates/own.yml': 'own: { script: make }\n' });
  const library = new Repository(join(sandbox.directory, 'library'));
  commits['1.0.0'] = library.commit({ 'templates/lint.yml': COMPONENT });
  library.git('tag', '1.0.0');
  commits['v1.2.0'] = library.commit({ 'templates/deep/template.yml': COMPONENT });
  library.git('tag', '-a', 'v1.2.0', '-m', 'of a kind of its own');
  commits['2.0.0-rc'] = library.commit({ 'README.md': 'soon' });
  library.git('tag', '2.0.0-rc');
  commits['main'] = library.commit({
    'ci/lint.yml': LINT,
    'ci/all.yml': 'include: [ci/lint.yml]\n',
    'ci/each.yml': 'include: [{ local: "ci/li*.yml", rules: [{ exists: [ci/large.yml] }] }]\n',
    'ci/large.yml': `# ${'x'.repeat(600_000)}\n`,
    'ci/latin.yml': Buffer.from('lint: { script: "\xe9" }\n', 'latin1'),
    'templates/itself.yml':
      'spec: { component: [version, sha] }\n---\n"of $[[ component.version ]]": { script: make }\n',
  });
  library.git('tag', '0.3.1');
  library.git('branch', 'both');
  library.git('tag', 'both', '1.0.0');
  await sandbox.record(libraryStream, ProjectRegistered({ ...LIBRARY, url: library.url, defaultBranch: 'main' }));
});
afterAll(() => sandbox.stop());

/** Lets these projects, and no others, include files of `acme/library`. */
const letIn = (...callers: string[]): Promise<number> =>
  sandbox.record(libraryStream, CallersSet({ projectId: LIBRARY.projectId, callers }));
const ofLibrary = (more = 'file: ci/lint.yml'): string => `include: [{ project: acme/library, ${more} }]`;

describe('A file of another project', () => {
  it('is what its default branch has, and the plan says which commit that was', async () => {
    await letIn('ada/engine');
    const plan = await sandbox.planOf(ofLibrary());
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toEqual([
      {
        kind: 'project',
        project: 'acme/library',
        path: 'ci/lint.yml',
        sha256: hashOf(LINT),
        commit: commits['main'],
      },
    ]);
  });

  it.each(['ada/*', 'ADA/Engine'])('may be included by the projects that %s names', async (caller) => {
    await letIn(caller);
    expect(jobsOf(await sandbox.planOf(ofLibrary()))).toEqual(['lint', 'test']);
  });

  it('includes others of its own commit', async () => {
    await letIn('ada/engine');
    const plan = await sandbox.planOf(ofLibrary('ref: main, file: ci/all.yml'));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([
      { path: 'ci/all.yml', ref: 'main' },
      { path: 'ci/lint.yml', ref: commits['main'], commit: commits['main'] },
    ]);
  });

  it('includes others of its own commit by a pattern, where files exist in it', async () => {
    await letIn('ada/engine');
    const plan = await sandbox.planOf(ofLibrary('file: ci/each.yml'));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([{ path: 'ci/each.yml' }, { path: 'ci/lint.yml', commit: commits['main'] }]);
  });

  it('is refused, and how that is changed is told, while the project does not let it', async () => {
    await letIn('ada/other');
    const [problem, ...others] = await sandbox.problemsOf(ofLibrary());
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      code: 'include-not-allowed',
      line: 1,
      hint: expect.stringContaining('PUT /api/acme/library/callers'),
    });
  });

  it('is refused in the same words where there is no such project', async () => {
    await letIn();
    const [closed] = await sandbox.problemsOf(ofLibrary());
    const [unknown] = await sandbox.problemsOf(ofLibrary().replace('library', 'nothing'));
    expect(JSON.parse(JSON.stringify(unknown).replaceAll('acme/nothing', 'acme/library'))).toEqual(closed);
  });

  it.each([
    ['ref: nowhere, file: ci/lint.yml', 'include-unknown-ref'],
    [`ref: ${'f'.repeat(40)}, file: ci/lint.yml`, 'include-unknown-ref'],
    ['ref: "--upload-pack=x", file: ci/lint.yml', 'include-unknown-ref'],
    ['file: ci/nothing.yml', 'include-missing-file'],
    ['file: ci/large.yml', 'include-too-large'],
    ['file: ci/latin.yml', 'binary-content'],
  ])('with %s is told as %s', async (more, code) => {
    await letIn('ada/engine');
    expect(await sandbox.problemsOf(ofLibrary(more))).toMatchObject([{ code }]);
  });

  it('of the project itself needs nobody to let it', async () => {
    const plan = await sandbox.planOf('include: [{ project: ada/engine, ref: main, file: templates/own.yml }]');
    expect(jobsOf(plan)).toEqual(['own', 'test']);
  });
});

describe('A component', () => {
  const component = (written: string, more = ''): string => `include: [{ component: acme/library/${written}${more} }]`;

  it.each([
    ['lint@1.0.0', '1.0.0'],
    ['lint@1', 'v1.2.0'],
    ['lint@1.0', '1.0.0'],
    ['deep@~latest', 'v1.2.0'],
    ['deep@main', 'main'],
  ])('%s is the file that it names at %s', async (written, ref) => {
    await letIn('ada/engine');
    const plan = await sandbox.planOf(component(written));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([{ kind: 'component', project: 'acme/library', commit: commits[ref] }]);
  });

  it('is of the tag where a branch has the same name', async () => {
    await letIn('ada/engine');
    expect((await sandbox.planOf(component('lint@both'))).included).toMatchObject([{ commit: commits['1.0.0'] }]);
  });

  it.each([
    ['0', 'of 0.3.1'],
    ['0.3.1', 'of 0.3.1'],
    ['main', 'of '],
  ])('of version %s knows which release that is', async (version, job) => {
    await letIn('ada/engine');
    expect(jobsOf(await sandbox.planOf(component(`itself@${version}`)))).toEqual([job, 'test']);
  });

  it('is given inputs', async () => {
    await letIn('ada/engine');
    const plan = await sandbox.planOf(component(`lint@${commits['1.0.0']}`, ', inputs: { name: style }'));
    expect(jobsOf(plan)).toEqual(['style', 'test']);
  });

  it.each([
    ['deep@1.0.0', 'include-missing-file'],
    ['lint@2', 'include-unknown-ref'],
    ['lint@~newest', 'include-unknown-ref'],
    ['lint@nowhere', 'include-unknown-ref'],
  ])('%s is told as %s', async (written, code) => {
    await letIn('ada/engine');
    expect(await sandbox.problemsOf(component(written))).toMatchObject([{ code }]);
  });

  it('of a project that does not let it is refused', async () => {
    await letIn();
    expect(await sandbox.problemsOf(component('lint@1.0.0'))).toMatchObject([{ code: 'include-not-allowed' }]);
  });
});
