import type { CacheSpec } from '@foldline/contracts';

/** What a package manager leaves in the directory of its lockfile that the next job can use. */
type Manager = { name: string; paths: readonly string[] };

const NODE = ['node_modules', '.npm', '.yarn/cache'];
const PYTHON = ['.venv', '__pycache__', '.pip-cache'];

/** S1-21 to S1-24, by the name of the lockfile. */
const MANAGERS: Readonly<Record<string, Manager>> = {
  'package-lock.json': { name: 'npm', paths: NODE },
  'npm-shrinkwrap.json': { name: 'npm', paths: NODE },
  'yarn.lock': { name: 'yarn', paths: NODE },
  'pnpm-lock.yaml': { name: 'pnpm', paths: [...NODE, '.pnpm-store'] },
  'requirements.txt': { name: 'pip', paths: PYTHON },
  'poetry.lock': { name: 'poetry', paths: PYTHON },
  'uv.lock': { name: 'uv', paths: PYTHON },
  'go.sum': { name: 'go', paths: ['go/pkg/mod', '.cache/go-build'] },
  'Cargo.lock': { name: 'cargo', paths: ['target', '.cargo/registry'] },
};

/** A file that no package manager is known by: its content is a key, and nothing is known to be kept under it. */
export const lockfileCaches = (lockfile: string): CacheSpec[] => {
  const slash = lockfile.lastIndexOf('/');
  const manager = MANAGERS[lockfile.slice(slash + 1)];
  if (!manager) return [];
  const directory = lockfile.slice(0, slash + 1);
  const prefix = directory === '' ? manager.name : `${manager.name}-${directory.slice(0, -1)}`;
  return [
    {
      key: { files: [lockfile], prefix },
      paths: manager.paths.map((path) => directory + path),
      policy: 'pull-push',
      // The nearest older one: most of what a new lockfile asks for is in it.
      fallbackKeys: [`${prefix}-`],
      when: 'on_success',
    },
  ];
};
