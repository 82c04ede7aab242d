import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sources, Trigger } from '@foldline/pipeline-language';
import {
  DEFAULT_BRANCH,
  checkOut,
  historyOf,
  storeOf,
  type Changes,
  type History,
  type Tree,
} from './golden-history.ts';

const FOLDER = fileURLToPath(new URL('../plans', import.meta.url));
/** What a trigger may say that a repository, the command's options and the API can all be given. */
const SAYABLE = new Set(['ref', 'source', 'variables', 'sealed', 'message']);
export const DEFINITION_FILE = '.codara-ci.yml';
export type SealedVariable = { name: string; masked: boolean; value: string };
/** A golden plan as a commit and a trigger for it; every variable of its project has a value. */
export type GoldenCase = {
  name: string;
  /** What the branch pointed to before the push, where the case says which files changed. */
  before?: string;
  sources: Required<Omit<Sources, 'elsewhere'>>;
  trigger: Trigger & { sealed: SealedVariable[] };
  /** Makes a directory the working copy of a repository with the case's ref, and with no other than its own. */
  checkOut: (directory: string) => Promise<void>;
};

/** What the command calls a repository that it finds on the disk. */
export const projectAt = (directory: string): NonNullable<Trigger['project']> => {
  const name = basename(directory);
  return { id: name, owner: 'local', name, url: directory, defaultBranch: DEFAULT_BRANCH };
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

/** Nobody can ask for a pipeline in the place of a job, and what is elsewhere is only said to be there. */
export const isOfAnotherWorld = (name: string): boolean =>
  triggerOf(name).upstream !== undefined || existsSync(join(FOLDER, name, 'elsewhere'));

export const textOf = (name: string): string => readFileSync(join(FOLDER, name, 'definition.yml'), 'utf8');

const treeOf = (name: string): Tree => {
  const root = join(FOLDER, name, 'files');
  const files = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
  const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map([
    ...paths.map((path) => [relative(root, path), readFileSync(path)] as const),
    [DEFINITION_FILE, Buffer.from(textOf(name))],
  ]);
};

const historyOfCase = (name: string): History => {
  const { ref, message = `Define ${name}` } = triggerOf(name);
  return historyOf(treeOf(name), { changes: changesOf(name), message, ref });
};

/** The cases as commits of one repository, from which working copies borrow. */
export const goldenCases = async (names: readonly string[], store: string): Promise<GoldenCase[]> => {
  const histories = names.map(historyOfCase);
  const ids = await storeOf(store, histories);
  return names.map((name, index) => {
    const [history, own] = [histories[index]!, ids[index]!];
    return {
      ...caseOf(name, history, own),
      checkOut: (directory) => checkOut(directory, history, { store, ids: own }),
    };
  });
};

const caseOf = (
  name: string,
  { commits, before: place }: History,
  ids: readonly string[],
): Omit<GoldenCase, 'checkOut'> => {
  const trigger = triggerOf(name);
  const { message, tree } = commits.at(-1)!;
  const before = place === undefined ? {} : { before: ids[place]! };
  const sealed = (trigger.sealed ?? []).map(({ value, ...rest }) => ({ ...rest, value: value ?? `some ${rest.name}` }));
  const isProtected = trigger.ref.kind === 'branch' && trigger.ref.name === DEFAULT_BRANCH;
  const changes = Object.entries(changesOf(name)).map(([base, paths]) => [base, paths?.toSorted() ?? null] as const);
  return {
    name,
    ...before,
    sources: {
      files: Object.fromEntries([...tree].map(([path, content]) => [path, content.toString('utf8')])),
      paths: [...tree.keys()],
      changes: Object.fromEntries(changes),
    },
    trigger: {
      ...trigger,
      ...before,
      ref: { ...trigger.ref, protected: isProtected },
      sealed,
      sha: ids.at(-1)!,
      message,
    },
  };
};
