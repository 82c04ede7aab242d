import type { CacheSpec, CacheTool } from '@foldline/contracts';

/**
 * What a package manager leaves in the directory of its lockfile that the next job can use, and the variables that make
 * it leave there what it would keep elsewhere. `$HERE` is that directory.
 */
type Manager = {
  name: string;
  tool: CacheTool;
  paths: readonly string[];
  variables?: Readonly<Record<string, string>>;
};

const NODE = { tool: 'node', paths: ['node_modules', '.npm', '.yarn/cache'] } as const;
const NPM = { ...NODE, name: 'npm', variables: { npm_config_cache: '$HERE/.npm' } };
const PYTHON = { tool: 'python', paths: ['.venv', '__pycache__', '.pip-cache'] } as const;
const PIP = { PIP_CACHE_DIR: '$HERE/.pip-cache' };

/**
 * S1-21 to S1-25, by the name of the lockfile; of those that lie beside each other the first is the one that counts. Go
 * looks for packages in every directory but those that begin with a dot, so its modules are kept in one of these, too.
 */
const MANAGERS: Readonly<Record<string, Manager>> = {
  'package-lock.json': NPM,
  'npm-shrinkwrap.json': NPM,
  'yarn.lock': {
    ...NODE,
    name: 'yarn',
    variables: { YARN_CACHE_FOLDER: '$HERE/.yarn/cache', YARN_ENABLE_GLOBAL_CACHE: 'false' },
  },
  'pnpm-lock.yaml': {
    ...NODE,
    name: 'pnpm',
    paths: [...NODE.paths, '.pnpm-store'],
    variables: { npm_config_store_dir: '$HERE/.pnpm-store' },
  },
  'uv.lock': { ...PYTHON, name: 'uv', variables: { UV_CACHE_DIR: '$HERE/.pip-cache' } },
  'poetry.lock': {
    ...PYTHON,
    name: 'poetry',
    variables: { ...PIP, POETRY_CACHE_DIR: '$HERE/.pip-cache', POETRY_VIRTUALENVS_IN_PROJECT: 'true' },
  },
  'Pipfile.lock': { ...PYTHON, name: 'pipenv', variables: { ...PIP, PIPENV_VENV_IN_PROJECT: '1' } },
  'requirements.txt': { ...PYTHON, name: 'pip', variables: PIP },
  'go.sum': {
    name: 'go',
    tool: 'go',
    paths: ['go/pkg/mod', '.go/pkg/mod', '.cache/go-build'],
    variables: { GOMODCACHE: '$HERE/.go/pkg/mod', GOCACHE: '$HERE/.cache/go-build' },
  },
  'Cargo.lock': {
    name: 'cargo',
    tool: 'rust',
    paths: ['target', '.cargo/registry', '.cargo/git'],
    variables: { CARGO_HOME: '$HERE/.cargo' },
  },
  'pom.xml': {
    name: 'maven',
    tool: 'java',
    paths: ['.m2/repository'],
    variables: { MAVEN_OPTS: '-Dmaven.repo.local=$HERE/.m2/repository' },
  },
  'gradle.lockfile': {
    name: 'gradle',
    tool: 'java',
    paths: ['.gradle/caches', '.gradle/wrapper'],
    variables: { GRADLE_USER_HOME: '$HERE/.gradle' },
  },
  'Gemfile.lock': {
    name: 'bundler',
    tool: 'ruby',
    paths: ['vendor/bundle'],
    variables: { BUNDLE_PATH: '$HERE/vendor/bundle' },
  },
  'composer.lock': { name: 'composer', tool: 'php', paths: ['vendor'] },
};

/** The names of lockfiles whose package managers are known. */
export const LOCKFILES: readonly string[] = Object.keys(MANAGERS);

const managerOf = (lockfile: string): Manager | undefined => {
  const name = lockfile.slice(lockfile.lastIndexOf('/') + 1);
  return Object.hasOwn(MANAGERS, name) ? MANAGERS[name] : undefined;
};

export const isLockfile = (path: string): boolean => managerOf(path) !== undefined;

/** S1-25: the lockfiles of a repository's own directory, one for each tool. */
export const lockfilesAmong = (files: ReadonlySet<string>): string[] => {
  const found = new Map<CacheTool, string>();
  for (const [name, { tool }] of Object.entries(MANAGERS))
    if (files.has(name) && !found.has(tool)) found.set(tool, name);
  return [...found.values()];
};

/** Of a file that no package manager is known by nothing is known that could be kept. */
export const lockfileCaches = (lockfile: string): CacheSpec[] => {
  const manager = managerOf(lockfile);
  if (!manager) return [];
  const directory = directoryOf(lockfile);
  const prefix = directory === '' ? manager.name : `${manager.name}-${directory.slice(0, -1)}`;
  return [
    {
      key: { files: [lockfile], prefix },
      paths: manager.paths.map((path) => directory + path),
      policy: 'pull-push',
      // The nearest older one: most of what a new lockfile asks for is in it.
      fallbackKeys: [`${prefix}-`],
      when: 'on_success',
      tool: manager.tool,
    },
  ];
};

/** Where package managers are to keep what they would keep outside of the workspace; the first lockfile wins. */
export const lockfileVariables = (lockfiles: readonly string[]): Record<string, string> => {
  const variables: Record<string, string> = {};
  for (const lockfile of lockfiles.toReversed()) {
    const here = `$CI_PROJECT_DIR/${directoryOf(lockfile).replaceAll('$', '$$$$')}`.replace(/\/$/, '');
    for (const [name, value] of Object.entries(managerOf(lockfile)?.variables ?? {}))
      variables[name] = value.replace('$HERE', () => here);
  }
  return variables;
};

const directoryOf = (lockfile: string): string => lockfile.slice(0, lockfile.lastIndexOf('/') + 1);
