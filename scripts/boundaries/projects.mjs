// The projects of a workspace, read from the files that declare them.
import { posix } from 'node:path';

export const SCOPE = '@foldline/';
const MANIFEST = /^(?:libs|apps)\/.+\/package\.json$/;
const TAG = /^type:(.+)$/;

const referencesOf = (folder, tsconfig) =>
  (tsconfig ? (JSON.parse(tsconfig).references ?? []) : []).map(({ path }) => posix.join(folder, path));

/** Every project by its folder: `{ name, package, folder, tag, declared, references }`. */
export const readProjects = (texts) =>
  [...texts.keys()]
    .filter((path) => MANIFEST.test(path))
    .map((path) => {
      const folder = posix.dirname(path);
      const manifest = JSON.parse(texts.get(path));
      const tags = (manifest.nx?.tags ?? []).map((tag) => TAG.exec(tag)?.[1]).filter(Boolean);
      return {
        name: posix.basename(folder),
        package: manifest.name,
        folder,
        tag: tags.length === 1 ? tags[0] : undefined,
        declared: Object.keys(manifest.dependencies ?? {}),
        references: referencesOf(folder, texts.get(`${folder}/tsconfig.json`)),
      };
    });

/** What the whole workspace installs: for products, and with what only tests need. */
export const readInstalled = (texts) => {
  const manifest = JSON.parse(texts.get('package.json') ?? '{}');
  const products = Object.keys(manifest.dependencies ?? {});
  return { products, all: [...products, ...Object.keys(manifest.devDependencies ?? {})] };
};

/** The name under which a package is installed: `zod/v4` → `zod`, `@nestjs/common/x` → `@nestjs/common`. */
export const packageOf = (specifier) =>
  specifier.startsWith('node:')
    ? specifier
    : specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');

export const matches = (name, patterns) =>
  patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
