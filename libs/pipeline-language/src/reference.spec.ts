import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { attemptToCompile } from './compile.ts';
import { jobKeywords } from './keywords/job-keywords.ts';
import { refKeywords } from './keywords/refs.ts';
import { limits } from './limits.ts';
import { withSources, type Look } from './sources.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/pipeline.md');
/** Tables are laid out by the formatter; one space is as good as many. */
const flat = page.replaceAll(/ +/g, ' ');

/** Elsewhere there are files without jobs; remote ones are empty, and others may be given a level. */
const everythingElsewhere: Omit<Look, 'file'> = {
  paths: async () => [],
  changes: async () => null,
  elsewhere: async ({ kind }) => {
    const text = kind === 'remote' ? '' : 'spec: { inputs: { level: { default: quick } } }\n---\n.template: {}\n';
    return { text, sha256: createHash('sha256').update(text).digest('hex') };
  },
};

const project = { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' };
/** Each fenced example with what its fence says: nothing, `refused:` and the codes, or `include:` and a file it needs. */
const examples = [...page.matchAll(/^```yaml(?: refused: (.+)| include: (.+))?\n([^]*?)^```$/gm)].map(
  ([, refused, included, text]) => ({
    files: included === undefined ? {} : { [included]: 'lint: { script: npm run lint }\n' },
    line: text!.split('\n')[0]!,
    text: text!,
    codes: refused?.split(', ') ?? [],
  }),
);

describe('The reference of the pipeline language', () => {
  it.each(examples)('has an example that compiles as it says: $line', async ({ text, codes, files }) => {
    const ref = { name: 'main', kind: 'branch' } as const;
    const trigger = { ref, source: 'push', variables: {}, project } as const;
    const look: Look = { ...everythingElsewhere, file: async (path) => files[path] };
    const result = await withSources(look, (sources) =>
      attemptToCompile({ file: '.codara-ci.yml', text, trigger, sources }),
    );
    const problems = 'plan' in result ? result.plan.warnings : result.problems;
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual(
      codes.map((code) => expect.stringContaining(`${code} `)),
    );
  });

  it('has no other examples, and enough of them', () => {
    expect(page.match(/^```./gm)).toHaveLength(examples.length);
    expect(examples.length).toBeGreaterThan(10);
  });

  it.each([...jobKeywords, ...refKeywords, 'stages', 'default', 'extends', 'include', 'workflow'])(
    'names `%s`',
    (keyword) => expect(page).toContain(`\`${keyword}\``),
  );

  it.each<[string, number]>([
    ['Bytes of the file', limits.fileBytes],
    ['Levels of nesting', limits.depth],
    ['Aliases', limits.aliases],
    ['Values, repeated ones counted', limits.nodes],
    ['Keys of one map', limits.keysPerMap],
    ['Characters of a name', limits.nameLength],
    ['Bytes of a variable', limits.valueBytes],
    ['Characters of a path or pattern', limits.pathLength],
    ['Characters of `manual_confirmation`', limits.questionLength],
    ['Items of `only` or `except`', limits.refsPerJob],
    ['Copies of a job', limits.copiesPerJob],
    ['Jobs of a pipeline, copies counted', limits.jobs],
    ['Items of `needs` or `dependencies`', limits.needsPerJob],
    ['Needs and dependencies of a pipeline, copies counted', limits.edges],
    ['Seconds of `timeout`', limits.timeoutSeconds],
    ['Retries', limits.retries],
    ['Caches of a job', limits.caches],
    ['Files of a cache key', limits.keyFiles],
    ['Fallback keys', limits.fallbackKeys],
    ['Services', limits.services],
    ['Problems that are listed', limits.problems],
    ['Rules of a job', limits.rulesPerJob],
    ['Parts of a condition', limits.expressionTokens],
    ['Levels of `extends`', limits.extendsLevels],
    ['Files that are included', limits.includes],
    ['Files of a child pipeline', limits.childFiles],
    ["Pipelines below one that nobody's job has started", limits.downstream],
    ['Pipelines below one another', limits.downstreamDepth],
    ['References behind one another', limits.referenceLevels],
  ])('tells the limit of: %s', (what, limit) =>
    expect(flat).toContain(`| ${what} | ${limit.toLocaleString('en-US')} |`),
  );

  it('names every variable that a job is given, and no other', () => {
    const sources = [
      'apps/runner/src/execution/predefined.ts',
      'libs/contracts/src/predefined-variables.ts',
      'libs/kernel/src/job-environment.ts',
    ];
    const given = sources.flatMap((path) => read(path).match(/\bCI_[A-Z_]+\b/g));
    const table = /^\| Predefined[^]*?\n\n/m.exec(page)![0].match(/\bCI_[A-Z_]+\b/g);
    expect(new Set(table)).toEqual(new Set(given));
  });

  it('leads only to places that it has', () => {
    const titles = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) =>
      title!.toLowerCase().replaceAll(/[:,]/g, '').replaceAll(' ', '-'),
    );
    for (const [, anchor] of page.matchAll(/\(#([^)]+)\)/g)) expect(titles).toContain(anchor);
  });
});
