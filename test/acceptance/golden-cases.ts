import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Sources, Trigger } from '@foldline/pipeline-language';
import { DEFAULT_BRANCH, commitAll, type Changes } from './golden-history.ts';

const FOLDER = fileURLToPath(new URL('../plans', import.meta.url));
const IDENTITY = ['-c', 'user.name=Golden', '-c', 'user.email=golden@foldline.example', '-c', 'commit.gpgsign=false'];
/** What a trigger may say that a repository, the command's options and the API can all be given. */
const SAYABLE = new Set(['ref', 'source', 'variables', 'sealed', 'message']);
export const DEFINITION_FILE = '.codara-ci.yml';
/** What the command calls the owner of a repository that it finds on the disk. */
export const OWNER = 'local';

export type SealedVariable = { name: string; masked: boolean; value: string };
/** A golden plan as a repository and a trigger for it; every variable of its project has a value. */
export type GoldenCase = {
  name: string;
  directory: string;
  sha: string;
  /** What the branch pointed to before the push, where the case says which files changed. */
  before?: string;
  changes: NonNullable<Sources['changes']>;
  trigger: Trigger & { project: NonNullable<Trigger['project']>; sealed: SealedVariable[] };
};

const triggerOf = (name: string): Trigger =>
  JSON.parse(readFileSync(join(FOLDER, name, 'trigger.json'), 'utf8')) as Trigger;

export const goldenNames = (): string[] => readdirSync(FOLDER).toSorted();

const changesOf = (name: string): Changes => {
  const path = join(FOLDER, name, 'changes.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Changes) : {};
};

/** What the case says beyond what can be said everywhere. */
export const unsayable = (name: string): string[] => {
  const trigger = triggerOf(name);
  return [
    ...Object.keys(trigger).filter((fact) => !SAYABLE.has(fact)),
    ...(trigger.ref.kind === 'commit' ? ['commit'] : []),
    ...(existsSync(join(FOLDER, name, 'elsewhere')) ? ['elsewhere'] : []),
    ...(trigger.sealed?.some(({ scope, expand }) => scope !== undefined || expand) ? ['scope'] : []),
  ];
};

/** Nobody can ask for a pipeline in the place of a job. */
export const isAskedForByAJob = (name: string): boolean => triggerOf(name).upstream !== undefined;

export const textOf = (name: string): string => readFileSync(join(FOLDER, name, 'definition.yml'), 'utf8');

/** Makes a git repository of the case below `home`, in which its ref is. */
export const repositoryOf = async (name: string, home: string): Promise<GoldenCase> => {
  const trigger = triggerOf(name);
  const { ref, message = `Define ${name}` } = trigger;
  const directory = join(home, name);
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', [...IDENTITY, ...args], { cwd: directory });
    return stdout.trim();
  };
  mkdirSync(directory, { recursive: true });
  const files = join(FOLDER, name, 'files');
  if (existsSync(files)) cpSync(files, directory, { recursive: true });
  cpSync(join(FOLDER, name, 'definition.yml'), join(directory, DEFINITION_FILE));
  await git('init', '--quiet', '--template=', `--initial-branch=${DEFAULT_BRANCH}`);
  const changes = changesOf(name);
  const before = await commitAll(git, directory, { changes, message, ref });
  const sha = await git('rev-parse', `${ref.name}^{commit}`);
  const sealed = (trigger.sealed ?? []).map(({ value, ...rest }) => ({ ...rest, value: value ?? `some ${rest.name}` }));
  const isProtected = ref.kind === 'branch' && ref.name === DEFAULT_BRANCH;
  return {
    name,
    directory,
    sha,
    changes: Object.fromEntries(Object.entries(changes).map(([base, paths]) => [base, paths?.toSorted() ?? null])),
    ...(before === undefined ? {} : { before }),
    trigger: {
      ...trigger,
      ...(before === undefined ? {} : { before }),
      ref: { ...ref, protected: isProtected },
      sealed,
      sha,
      message,
      project: { id: name, owner: OWNER, name, url: directory, defaultBranch: DEFAULT_BRANCH },
    },
  };
};
