import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { filesUnder, root } from '../../../scripts/workspace.mjs';

const PLANS = 'test/plans';
const PAGES = ['docs/pipeline.md', 'docs/pipeline-reference.md'];

const read = (path) => readFileSync(join(root, path), 'utf8');

const goldenSample = (name) => {
  const files = `${PLANS}/${name}/files`;
  const paths = existsSync(join(root, files)) ? filesUnder(files) : [];
  return {
    text: read(`${PLANS}/${name}/definition.yml`),
    files: Object.fromEntries(paths.map((path) => [path.slice(files.length + 1), read(path)])),
  };
};

const examplesOf = (page) =>
  [...read(page).matchAll(/^```yaml[^\n]*\n([^]*?)^```$/gm)].map(([, text]) => ({ text, files: {} }));

/** Definitions that somebody wrote: those of the golden cases, and every example of the documents. */
export const writtenDefinitions = () => [
  ...readdirSync(join(root, PLANS)).toSorted().map(goldenSample),
  ...[...PAGES, ...filesUnder('docs/problems')].flatMap(examplesOf),
];
