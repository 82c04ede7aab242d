import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from './compile.ts';
import { lint } from './lint/lint.ts';
import { compilerProblemCodes, problemCodes } from './problem-codes.ts';

const docs = fileURLToPath(new URL('../../../docs/problems', import.meta.url));
const sources = fileURLToPath(new URL('.', import.meta.url));

const sourceText = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && name !== 'problem-codes.ts')
  .map((name) => readFileSync(join(sources, name), 'utf8'))
  .join('\n');

describe('The codes of problems', () => {
  it('have one page each, and every page is about a code', () => {
    const pages = readdirSync(docs).filter((name) => name !== 'README.md');
    expect(new Set(problemCodes).size).toBe(problemCodes.length);
    expect(pages.toSorted()).toEqual(problemCodes.map((code) => `${code}.md`).toSorted());
  });

  it.each(compilerProblemCodes)('%s is used by the compiler', (code) => {
    expect(sourceText).toContain(`'${code}'`);
  });

  it.each(problemCodes)('%s has a page that says what, why and how to mend it', (code) => {
    const page = readFileSync(join(docs, `${code}.md`), 'utf8');
    expect(page.startsWith(`# ${code}\n`)).toBe(true);
    expect(page).toContain('\n## Why\n');
    expect(page).toContain('\n## How to mend it\n');
  });
});

const example = (page: string, title: 'Before' | 'After'): string | undefined =>
  new RegExp(`${title}:\n\n\`\`\`yaml\n([^]*?)\`\`\``).exec(page)?.[1];

const codesOf = (text: string): string[] => {
  const ref = { name: 'develop', kind: 'branch' } as const;
  const result = compile({ file: 'f.yml', text, trigger: { ref, source: 'push', variables: {} } });
  const planned = 'plan' in result ? result.plan.warnings : result.problems;
  return [...planned, ...lint('f.yml', text)].map(({ code }) => code);
};

describe('The examples on a page', () => {
  const pages = problemCodes.map((code) => ({ code, page: readFileSync(join(docs, `${code}.md`), 'utf8') }));

  it.each(pages.filter(({ page }) => example(page, 'Before')))(
    'show $code before and no longer after',
    ({ code, page }) => {
      expect(codesOf(example(page, 'Before')!)).toContain(code);
      expect(codesOf(example(page, 'After')!)).not.toContain(code);
    },
  );
});
