import { describe, expect, it } from '@jest/globals';
import { DOWNSTREAM_LIMITS, budgetOfEach, handedOn } from './downstream.ts';
import type { PipelineContext } from './pipeline-context.ts';
import type { PlannedJob } from './plan.ts';

const context = (variables: Record<string, string> = {}) =>
  ({
    pipelineId: 'p1',
    ref: { name: 'main', kind: 'branch', protected: true },
    source: 'push',
    message: 'Costs $HOME',
    variables,
  }) as unknown as PipelineContext;
const job = (variables: Record<string, string> = {}, more: Partial<PlannedJob> = {}) =>
  ({ name: 'deploy', definition: 'deploy', stage: 'deploy', variables, ...more }) as PlannedJob;
const both = { yamlVariables: true, pipelineVariables: true };
const ofFile = { yamlVariables: true, pipelineVariables: false };

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
    expect(handedOn(described, { yamlVariables: false, pipelineVariables: false })).toEqual({});
  });

  it('are filled in with what everybody may see', () => {
    const described = { context: context({ TARGET: 'live' }), job: job({ A: '$CI_PIPELINE_ID/${B}', B: '$TARGET' }) };
    expect(handedOn({ ...described, pipelineVariables: {} }, ofFile)).toEqual({ A: 'p1/live', B: 'live' });
  });

  it('keep the names that only the project knows', () => {
    const described = { context: context(), job: job({ A: 'x-$B', B: '${TOKEN}!' }), pipelineVariables: {} };
    expect(handedOn(described, ofFile)).toEqual({ A: 'x-${TOKEN}!', B: '${TOKEN}!' });
  });

  it('name nothing that came out of a commit or was meant as a dollar sign', () => {
    const own = job({ A: '$CI_COMMIT_MESSAGE', B: 'cost $$5', C: 'a$TOKEN' }, { rawVariables: ['C'] });
    expect(handedOn({ context: context(), job: own, pipelineVariables: {} }, ofFile)).toEqual({
      A: 'Costs $$HOME',
      B: 'cost $$5',
      C: 'a$$TOKEN',
    });
  });

  it('go as they are written when they name themselves or grow beyond all bounds', () => {
    const grown = Object.fromEntries(
      [...'BCDEFGHIJKLMNOPQRS'].map((name, at, all) => [name, `$${all[at + 1]}`.repeat(9)]),
    );
    const own = job({ ...grown, A: '$A', S: 'x'.repeat(9) });
    const given = handedOn({ context: context(), job: own, pipelineVariables: {} }, ofFile);
    expect(given['A']).toBe('$A');
    expect(given['B']).toBe('$C'.repeat(9));
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
