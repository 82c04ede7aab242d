import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { definitionSchema, keywordTable } from '@foldline/pipeline-language';
import { languagePages } from '../../scripts/language-pages.mjs';
import { root } from '../../scripts/workspace.mjs';

describe('what is made from the table of keywords', () => {
  it('is what `npm run language-docs` makes', async () => {
    const pages = Object.entries(await languagePages(definitionSchema(), keywordTable()));
    expect(pages.length).toBe(2);
    for (const [path, text] of pages)
      expect({ path, text: readFileSync(join(root, path), 'utf8') }).toEqual({ path, text });
  });
});
