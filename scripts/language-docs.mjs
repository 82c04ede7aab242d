// Writes the reference of the pipeline language and its schema: `npm run language-docs`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionSchema, keywordTable } from '@foldline/pipeline-language';
import { languagePages } from './language-pages.mjs';
import { root } from './workspace.mjs';

for (const [path, text] of Object.entries(await languagePages(definitionSchema(), keywordTable())))
  writeFileSync(join(root, path), text);
