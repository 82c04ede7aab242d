import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments, type Document } from 'yaml';
import { problemsOfExample } from './example.fixture.ts';
import type { Json } from './grammar/json-schema.ts';
import { keywordTable } from './keyword-table.ts';

const page = readFileSync(new URL('../../../docs/pipeline-reference.md', import.meta.url), 'utf8');
const sections = page
  .split(/^### /m)
  .slice(1)
  .flatMap((section): [string, string][] => {
    const example = /^```yaml\n([^]*?)^```$/m.exec(section);
    return example ? [[section.slice(0, section.indexOf('\n')), example[1]!]] : [];
  });
const keywords = [...new Set(keywordTable().map(({ path: [name] }) => name!))];

describe('The page of keywords', () => {
  it.each(sections)('has an example of %s that compiles', (_, example) => {
    const documents = parseAllDocuments(example) as Document.Parsed[];
    const file = Object.assign({}, ...documents.map((document): object => document.toJS())) as Json;
    expect(problemsOfExample(file)).toEqual([]);
  });

  it('has no other examples', () => expect(page.match(/^```./gm)).toHaveLength(sections.length));

  it.each(keywords)('has one section about %s', (keyword) => {
    expect(page.match(new RegExp(`^### \`${keyword}\`$`, 'gm'))).toHaveLength(1);
  });

  it('leads only to places that it has', () => {
    const titles = [...page.matchAll(/^#+ `?([^`\n]+)`?$/gm)].map(([, title]) => title);
    for (const [, anchor] of page.matchAll(/\(#([^)]+)\)/g)) expect(titles).toContain(anchor);
  });
});
