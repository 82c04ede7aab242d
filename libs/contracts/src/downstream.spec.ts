import { describe, expect, it } from '@jest/globals';
import { DOWNSTREAM_LIMITS, budgetOfEach, handedOn } from './downstream.ts';
import type { PipelineContext } from './pipeline-context.ts';
import type { PlannedJob, PlannedTrigger } from './plan.ts';

const context = (variables: Record<string, string> = {}, ofProject: readonly string[] = []) =>
  ({
    pipelineId: 'p1',
    ref: { name: 'main', kind: 'branch', protected: true },
    source: 'push',
    message: 'Costs $HOME',
    variables,
    projectVariables: ofProject.map((key) => ({ key })),
  }) as unknown as PipelineContext;
const job = (variables: Record<string, string> = {}, more: Partial<PlannedJob> = {}) =>
  ({ name: 'deploy', definition: 'deploy', stage: 'deploy', variables, ...more }) as PlannedJob;
const child: PlannedTrigger['of'] = { kind: 'child', include: [{ local: 'child.yml' }], line: 1, column: 1 };
const both: PlannedTrigger = { of: child, forward: { yamlVariables: true, pipelineVariables: true } };
const ofFile: PlannedTrigger = { of: child, forward: { yamlVariables: true, pipelineVariables: false } };
const elsewhere: PlannedTrigger = { ...ofFile, of: { kind: 'project', project: 'ada/other' } };

describe('The variables that a job hands on', () => {
  it('are those of its file and its own, its own first', () => {
    const pipelineVariables = { A: 'file', B: 'file' };
    expect(handedOn({ context: context(), job: job({ B: 'job' }), pipelineVariables }, ofFile)).toEqual({
      A: 'file',
      B: 'job',
    });
  });

  it('are those of the file only that it takes over', () => {
    const pipelineVariables = { A: 'file', B: 'file' };
    const own = job({}, { inheritedVariables: ['A'] });
    expect(handedOn({ context: context(), job: own, pipelineVariables }, ofFile)).toEqual({ A: 'file' });
  });

  it('are not those of the request unless it says so, and then those are stronger', () => {
    const described = { context: context({ A: 'asked', C: '$D' }), job: job({ A: 'job' }), pipelineVariables: {} };
    expect(handedOn(described, ofFile)).toEqual({ A: 'job' });
    expect(handedOn(described, both)).toEqual({ A: 'asked', C: '$D' });
    expect(handedOn(described, { of: child, forward: { yamlVariables: false, pipelineVariables: false } })).toEqual({});
  });

  it('are filled in with what everybody may see', () => {
    const described = { context: context({ TARGET: 'live' }), job: job({ A: '$CI_PIPELINE_ID/${B}', B: '$TARGET' }) };
    expect(handedOn({ ...described, pipelineVariables: {} }, ofFile)).toEqual({ A: 'p1/live', B: 'live' });
  });

  it('are empty where nobody knows the name, also what only an earlier job or one that runs knows', () => {
    const described = { context: context(), job: job({ A: 'x-$B', B: '${NOPE}!', C: '$CI_RUNNER_ID' }) };
    for (const to of [ofFile, elsewhere])
      expect(handedOn({ ...described, pipelineVariables: {} }, to)).toEqual({ A: 'x-!', B: '!', C: '' });
  });

  it('do not name in a child what the job does not take over', () => {
    const own = job({ B: '$A' }, { inheritedVariables: [] });
    expect(handedOn({ context: context(), job: own, pipelineVariables: { A: 'file' } }, ofFile)).toEqual({ B: '' });
  });

  describe('that name one of the project', () => {
    const own = job({ A: 'x-$B', B: '${TOKEN}!', C: '$$TOKEN', D: '\0TOKEN\0' });
    const described = { context: context({}, ['TOKEN']), job: own, pipelineVariables: {} };

    it('keep the name in a child, where it means the same', () =>
      expect(handedOn(described, ofFile)).toMatchObject({ A: 'x-${TOKEN}!', B: '${TOKEN}!', C: '$$TOKEN' }));

    it('leave a child that of the project itself', () =>
      expect(handedOn({ ...described, job: job({ TOKEN: '$TOKEN', OTHER: 'x' }) }, ofFile)).toEqual({ OTHER: 'x' }));

    it('name nothing in another project', () =>
      expect(handedOn(described, elsewhere)).toEqual({ A: 'x-!', B: '!', C: '$$TOKEN', D: '\0TOKEN\0' }));
  });

  it('arrive as data, however a dollar sign came into them', () => {
    const own = job(
      { A: '$CI_COMMIT_MESSAGE', B: 'cost $$5', C: 'a$TOKEN', D: '$', E: '${D}HOME' },
      { rawVariables: ['C'] },
    );
    for (const to of [ofFile, elsewhere])
      expect(handedOn({ context: context(), job: own, pipelineVariables: {} }, to)).toEqual({
        A: 'Costs $$HOME',
        B: 'cost $$5',
        C: 'a$$TOKEN',
        D: '$$',
        E: '$$HOME',
      });
  });

  it('arrive in another project as data also when they were given with the request', () => {
    const described = { context: context({ A: '$TOKEN', B: '$CI_PIPELINE_ID' }, ['TOKEN']), job: job() };
    const to = { ...elsewhere, forward: { yamlVariables: true, pipelineVariables: true } };
    expect(handedOn({ ...described, pipelineVariables: {} }, to)).toEqual({ A: '', B: 'p1' });
  });

  it('keep the text of one that names itself', () =>
    expect(handedOn({ context: context(), job: job({ A: '$A' }), pipelineVariables: {} }, ofFile)).toEqual({
      A: '$$A',
    }));

  it('go as they are written when they grow beyond all bounds, to another project as data', () => {
    const grown = Object.fromEntries(
      [...'BCDEFGHIJKLMNOPQRS'].map((name, at, all) => [name, `$${all[at + 1]}`.repeat(9)]),
    );
    const own = job({ ...grown, S: 'x'.repeat(9) });
    const given = { context: context(), job: own, pipelineVariables: {} };
    expect(handedOn(given, ofFile)['B']).toBe('$C'.repeat(9));
    expect(handedOn(given, elsewhere)['B']).toBe('$$C'.repeat(9));
  });
});

describe('The pipelines below one that nobody triggered', () => {
  it.each([
    [1, 999],
    [3, 332],
    [500, 1],
    [1_000, 0],
  ])('are shared among the %i that it starts: each may start %i', (count, each) =>
    expect(budgetOfEach(DOWNSTREAM_LIMITS.pipelines, count)).toBe(each),
  );

  it('are never more than the budget, however they start each other', () => {
    const below = (budget: number, count: number): number =>
      budget < count ? 0 : count + count * below(budgetOfEach(budget, count), count);
    for (let count = 1; count <= 1_000; count += 1) expect(below(1_000, count)).toBeLessThanOrEqual(1_000);
  });

  it('are none where more are asked for than there may be', () => expect(budgetOfEach(2, 5)).toBe(0));
});
