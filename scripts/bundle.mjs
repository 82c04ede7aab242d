import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Makes `apps/standalone/bundle/`, the server and the programs it starts as one file each: Node loads a few files instead
 * of two thousand, which halves the start. Makes `dist/services/`, the seven services of the distributed mode with what
 * they share in common files. What is built is the same code; tests use both forms.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Nest looks for these only when a feature is used that Foldline does not use; the SQLite driver and LZ4 are native. */
const EXTERNAL = [
  '@photostructure/sqlite',
  '@fastify/multipart',
  '@fastify/static',
  '@fastify/view',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@nats-io/transport-node',
  '@nestjs/platform-express',
  '@nestjs/websockets',
  'amqp-connection-manager',
  'amqplib',
  'class-transformer/storage',
  'dockerode',
  'ioredis',
  'kafkajs',
  'lz4-napi',
  'mqtt',
];

/** Of those, what the services do use, which have no packages beside them. */
const BUNDLED_WITH_SERVICES = ['@grpc/grpc-js', 'dockerode', 'ioredis', 'kafkajs', 'lz4-napi'];

/** What the client of Docker loads for daemons that are reached by SSH, and for a session that it would open itself. */
const NEVER_USED = ['ssh2', '@grpc/proto-loader'];
const without = (names) => ({
  name: 'without',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^[@a-z]/ }, ({ path }) => (names.includes(path) ? { path, namespace: 'nothing' } : undefined));
    onLoad({ filter: /^/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {};' }));
  },
});

/** Zod has its messages in some fifty languages. */
const english = {
  name: 'english',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/** What is started as a thread or a process of its own, by the name that its starter looks for beside itself. */
const STARTED = [
  'apps/runner/dist/layers/layer.worker.js',
  'apps/runner/dist/workspace/tree.worker.js',
  'libs/adapters/event-store-embedded/dist/writer.worker.js',
  'libs/adapters/spawner/dist/spawner-child.js',
  'libs/pipeline-language/dist/compile-child.js',
];
const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1, -'.js'.length);

/** `beside` are texts of further files, by name. */
const bundle = async (directory, entries, more, beside = {}) => {
  const outdir = `${directory}.next`;
  rmSync(join(root, outdir), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: [...entries, ...STARTED.map((path) => ({ in: path, out: nameOf(path) }))],
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    keepNames: true,
    // What is loaded is read, and stays in memory, with every comment in it. Lines are kept short for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    logLevel: 'error',
    // CommonJS packages inside the bundle ask for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    ...more,
  });
  for (const name of readdirSync(join(root, outdir)).filter((file) => file.endsWith('.js')))
    escapeBeyondAscii(join(root, outdir, name));
  for (const [name, text] of Object.entries(beside)) writeFileSync(join(root, outdir, name), text);
  replace(join(root, directory), join(root, outdir));
};

/** File by file, so that whoever starts one of them meanwhile finds it, old or new. */
const replace = (directory, next) => {
  mkdirSync(directory, { recursive: true });
  const names = readdirSync(next);
  for (const name of names) renameSync(join(next, name), join(directory, name));
  for (const name of readdirSync(directory)) if (!names.includes(name)) rmSync(join(directory, name));
  rmSync(next, { recursive: true });
};

/**
 * A single letter beyond Latin-1 makes Node keep the whole text with two bytes a letter, for as long as the process lives.
 * esbuild escapes them in strings, and leaves them in regular expressions and comments, where an escape means the same.
 */
const escapeBeyondAscii = (path) => {
  const text = readFileSync(path, 'utf8');
  const escaped = text.replaceAll(
    /[^\0-\x7f]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped !== text) writeFileSync(path, escaped);
};

const services = readdirSync(join(root, 'apps')).filter(
  (name) => name !== 'standalone' && name !== 'cli' && existsSync(join(root, 'apps', name, 'src/main.ts')),
);
const SERVICES = 'dist/services';

await bundle('apps/standalone/bundle', [{ in: 'apps/standalone/dist/main.js', out: 'main' }], {
  plugins: [english],
  external: EXTERNAL,
});

// One file with all services, of which a process runs the parts of one; a small file per service starts it.
const choice = join(root, 'dist/choice.mjs');
mkdirSync(dirname(choice), { recursive: true });
writeFileSync(
  choice,
  `const mains = {${services.map((name) => `'${name}': () => import('../apps/${name}/dist/main.js')`).join(', ')}};
export const start = (name) => mains[name]();`,
);
const starters = services.map((name) => [
  `${name}.js`,
  `import { start } from './services.js';\nawait start('${name}');\n`,
]);
await bundle(
  SERVICES,
  [{ in: choice, out: 'services' }],
  {
    plugins: [english, without(NEVER_USED)],
    // What is native lies beside the programs as it is.
    loader: { '.node': 'copy' },
    external: EXTERNAL.filter((name) => !BUNDLED_WITH_SERVICES.includes(name)),
  },
  Object.fromEntries(starters),
);
// A release's own directory says what it is, as the workspace's package.json does beside the sources.
const { version } = JSON.parse(readFileSync(join(root, 'libs/host/package.json'), 'utf8'));
writeFileSync(join(root, 'dist/package.json'), `${JSON.stringify({ name: 'foldline', version, type: 'module' })}\n`);
