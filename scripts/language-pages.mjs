// What is made from the table of keywords and lies in docs/, as the formatter leaves it.
import { format } from 'prettier';
import { keywordReference } from './keyword-reference.mjs';

const options = { singleQuote: true, printWidth: 120 };

/** The text of each file, by its path. */
export const languagePages = async (schema, keywords) => ({
  'docs/pipeline.schema.json': await format(JSON.stringify(schema), { ...options, parser: 'json' }),
  'docs/pipeline-reference.md': await format(keywordReference(keywords), { ...options, parser: 'markdown' }),
});
