import type { CacheSpec } from '@foldline/contracts';

/** What a package manager leaves in the directory of its lockfile that the next job can use. */
type Manager = { name: string; paths: readonly string[] };

const NODE = ['node_modules', '.npm', '.yarn/cache'];
const PYTHON = ['.venv', '__pycache__', '.pip-cache'];

/** S1-21 to S1-25, by the name of the lockfile. */
const MANAGERS: Readonly<Record<string, Manager>> = {
  'package-lock.json': { name: 'npm', paths: NODE },
  'npm-shrinkwrap.json': { name: 'npm', paths: NODE },
  'yarn.lock': { name: 'yarn', paths: NODE },
  'pnpm-lock.yaml': { name: 'pnpm', paths: [...NODE, '.pnpm-store'] },
  'requirements.txt': { name: 'pip', paths: PYTHON },
  'poetry.lock': { name: 'poetry', paths: PYTHON },
  'uv.lock': { name: 'uv', paths: PYTHON },
  'Pipfile.lock': { name: 'pipenv', paths: PYTHON },
  'go.sum': { name: 'go', paths: ['go/pkg/mod', '.cache/go-build'] },
  'Cargo.lock': { name: 'cargo', paths: ['target', '.cargo/registry'] },
  'pom.xml': { name: 'maven', paths: ['.m2/repository'] },
  'gradle.lockfile': { name: 'gradle', paths: ['.gradle/caches', '.gradle/wrapper'] },
  'Gemfile.lock': { name: 'bundler', paths: ['vendor/bundle'] },
  'composer.lock': { name: 'composer', paths: ['vendor'] },
};

/** The names of lockfiles whose package managers are known. */
export const LOCKFILES: readonly string[] = Object.keys(MANAGERS);

const managerOf = (lockfile: string): Manager | undefined => {
  const name = lockfile.slice(lockfile.lastIndexOf('/') + 1);
  return Object.hasOwn(MANAGERS, name) ? MANAGERS[name] : undefined;
};

export const isLockfile = (path: string): boolean => managerOf(path) !== undefined;

/** Of a file that no package manager is known by nothing is known that could be kept. */
export const lockfileCaches = (lockfile: string): CacheSpec[] => {
  const slash = lockfile.lastIndexOf('/');
  const manager = managerOf(lockfile);
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
