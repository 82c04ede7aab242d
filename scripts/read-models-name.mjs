// The name that fits the code of the projections: `node scripts/read-models-name.mjs` prints it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { root } from './workspace.mjs';

const ENTRY = 'libs/read-models/src/read-models.ts';
const WORKSPACE_PACKAGE = /^@foldline\/(contracts|kernel|read-models)$/;

/**
 * What decides how a document and its index entries look: the projections and every helper that they use. Of an event
 * only the name counts, for its schema checks what is appended; modules that nothing is used of count for nothing.
 */
const onlyWhatFolds = (projections) => ({
  name: 'only-what-folds',
  setup: (bundle) => {
    bundle.onResolve({ filter: /.*/ }, ({ path, importer }) => {
      if (importer === '') return { path: projections };
      const name = WORKSPACE_PACKAGE.exec(path)?.[1];
      if (!name && !path.startsWith('.')) return { path, external: true, sideEffects: false };
      return {
        path: name ? join(root, `libs/${name}/src/index.ts`) : resolve(dirname(importer), path),
        sideEffects: false,
      };
    });
    bundle.onLoad({ filter: /\.events\.ts$/ }, ({ path }) => {
      const names = [...readFileSync(path, 'utf8').matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
      return { contents: names.map((name) => `export const ${name} = '${name}';`).join('\n') };
    });
  },
});

/** `read-models-` and twelve digits. The same for the same code, however it is laid out or commented. */
export const readModelsName = async (projections = join(root, ENTRY)) => {
  const { outputFiles } = await build({
    entryPoints: [projections],
    plugins: [onlyWhatFolds(projections)],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    logLevel: 'error',
  });
  return `read-models-${createHash('sha256').update(outputFiles[0].contents).digest('hex').slice(0, 12)}`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await readModelsName());
