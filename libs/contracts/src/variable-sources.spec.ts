import { describe, expect, it } from '@jest/globals';
import { VARIABLE_SOURCES, filledIn, layerOf, variableFinder, type VariableLayers } from './variable-sources.ts';

/** The order that docs/pipeline.md tells. */
const WEAKEST_FIRST = ['predefined', 'file', 'job', 'report', 'project', 'request', 'secret'] as const;
const PAIRS = WEAKEST_FIRST.flatMap((weaker, n) =>
  WEAKEST_FIRST.slice(n + 1).map((stronger) => [weaker, stronger] as const),
);

describe('The sources of variables', () => {
  it('are these and no others', () => expect([...VARIABLE_SOURCES]).toEqual([...WEAKEST_FIRST]));

  it.each(PAIRS)('%s is weaker than %s', (weaker, stronger) => {
    const layers: VariableLayers = { [stronger]: { values: { A: stronger } }, [weaker]: { values: { A: weaker } } };
    expect(variableFinder(layers)('A')).toMatchObject({ text: stronger, source: stronger });
  });

  it.each(WEAKEST_FIRST)('may all be without the others: %s', (source) => {
    expect(variableFinder({ [source]: { values: { A: 'x' } } })('A')?.source).toBe(source);
  });

  it('have no variable that nobody set, nor one that every object has', () => {
    const find = variableFinder({ job: { values: {} } });
    expect([find('A'), find('constructor'), find('__proto__')]).toEqual([undefined, undefined, undefined]);
  });

  it('are filled in where people wrote them for the pipeline, and are data otherwise', () => {
    const data = WEAKEST_FIRST.filter((source) => variableFinder({ [source]: { values: { A: '' } } })('A')!.isData);
    expect(data).toEqual(['predefined', 'report', 'project', 'secret']);
  });

  it('let nobody claim another commit: names of the system are the system’s', () => {
    const values = { CI_COMMIT_SHA: 'claimed' };
    const find = variableFinder({ predefined: { values: { CI_COMMIT_SHA: 'true' } }, request: { values } });
    expect(find('CI_COMMIT_SHA')?.text).toBe('true');
  });

  it('have raw names that are never filled in', () => {
    const find = variableFinder({ file: layerOf({ A: '$B', B: 'b', C: '$B' }, ['A']) });
    expect(filledIn('$A $C', find)).toBe('$B b');
  });

  it('fill in a text up to a bound, and say when it is beyond', () => {
    const find = variableFinder({ file: { values: { A: 'x'.repeat(1000) } } });
    expect(filledIn('$A', find)).toHaveLength(1000);
    expect(filledIn('$A'.repeat(100), find)).toBeUndefined();
  });
});
