import { describe, expect, it } from '@jest/globals';
import { compile } from './compile.ts';

const ref = { name: 'main', kind: 'branch' } as const;
const problemsOf = (text: string) => {
  const result = compile({ file: 'f.yml', text, trigger: { ref, source: 'push', variables: {} } });
  return 'plan' in result ? result.plan.warnings : result.problems;
};

describe('The jobs that a job needs', () => {
  it('may not be left out of the pipeline', () =>
    expect(problemsOf('a: {script: x, only: [tags]}\nb: {script: x, needs: [a]}')).toMatchObject([
      {
        code: 'needs-missing-job',
        line: 2,
        message: expect.stringContaining('not part of the pipeline for branch main'),
      },
    ]));

  it('may be left out when the job that needs them is left out too', () =>
    expect(
      problemsOf('a: {script: x, only: [tags]}\nb: {script: x, needs: [a], only: [tags]}\nc: {script: x}'),
    ).toEqual([]));

  it('may be absent when they are optional', () =>
    expect(problemsOf('b: {script: x, needs: [{job: nowhere, optional: true}]}')).toEqual([]));

  it('may not be in a later stage', () =>
    expect(problemsOf('a: {script: x, stage: deploy}\nb: {script: x, needs: [a]}')).toMatchObject([
      { code: 'needs-later-stage' },
    ]));

  it('may not include the job itself', () =>
    expect(problemsOf('a: {script: x, needs: [a]}')).toMatchObject([
      { code: 'needs-cycle', message: expect.stringContaining('`a` → `a`') },
    ]));

  it('may not form a circle, which is told once with its members', () =>
    expect(
      problemsOf('a: {script: x, needs: [b]}\nb: {script: x, needs: [c]}\nc: {script: x, needs: [b]}'),
    ).toMatchObject([{ code: 'needs-cycle', line: 2, message: expect.stringContaining('`b` → `c` → `b`') }]));

  it('may meet again without a circle', () =>
    expect(
      problemsOf(
        'a: {script: x}\nb: {script: x, needs: [a]}\nc: {script: x, needs: [a]}\nd: {script: x, needs: [b, c]}',
      ),
    ).toEqual([]));
});

describe('The jobs whose artifacts a job takes', () => {
  it.each([
    ['of the same stage', 'a: {script: x}\nb: {script: x, dependencies: [a]}', 'dependency-later-stage'],
    ['of a later stage', 'a: {script: x, stage: deploy}\nb: {script: x, dependencies: [a]}', 'dependency-later-stage'],
    ['that do not exist', 'b: {script: x, dependencies: [a]}', 'dependency-missing-job'],
    [
      'that it does not need',
      'a: {script: x, stage: build}\nb: {script: x, needs: [], dependencies: [a]}',
      'dependency-not-needed',
    ],
  ])('may not be ones %s', (_, text, code) => expect(problemsOf(text)).toMatchObject([{ code }]));

  it('may be of the same stage when they are needed', () =>
    expect(problemsOf('a: {script: x}\nb: {script: x, needs: [a], dependencies: [a]}')).toEqual([]));
});
