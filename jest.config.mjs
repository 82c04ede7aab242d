import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const swc = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'));

const folders = ['libs', 'libs/adapters', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => ({ name, path: join(root, parent, name) }))
    .filter(({ path }) => existsSync(join(path, 'package.json'))),
);

// In tests a workspace package is its source, so nothing has to be built first.
const sources = Object.fromEntries(
  folders.map(({ name, path }) => [`^@foldline/${name}$`, join(path, 'src/index.ts')]),
);

const project = (displayName, rootDir, testMatch) => ({
  displayName,
  rootDir,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': [join(root, 'node_modules/@swc/jest'), { ...swc, swcrc: false }] },
  moduleNameMapper: sources,
});

export default {
  projects: [
    ...folders.map(({ name, path }) => project(`@foldline/${name}`, path, ['<rootDir>/src/**/*.spec.ts'])),
    project('test', join(root, 'test'), ['<rootDir>/**/*.spec.ts']),
  ],
  testSequencer: join(root, 'scripts/longest-first.mjs'),
  testTimeout: 30_000,
  workerIdleMemoryLimit: '1GB',
};
