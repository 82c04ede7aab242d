import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Trigger } from '@foldline/pipeline-language';

export const DEFAULT_BRANCH = 'main';
const IDENTITY = 'Golden <golden@foldline.example> 1700000000 +0000';
const CONFIGURATION = '[core]\n\trepositoryformatversion = 0\n\tbare = false\n';
const FILE_MODE = '100644';

/** Files that changed, by what they are compared with: a branch, or the last push where that is empty. */
export type Changes = Record<string, string[] | null>;
/** The content of files by their paths. */
export type Tree = ReadonlyMap<string, Buffer>;
type Told = { changes: Changes; message: string; ref: Trigger['ref'] };
/** Commits behind one another, and by their places among them what points to them. */
export type History = { commits: { message: string; tree: Tree }[]; refs: Map<string, number>; before?: number };

/** A commit of the files, behind commits that lack just those that changed since. */
export const historyOf = (files: Tree, { changes, message, ref }: Told): History => {
  const commits: History['commits'] = [];
  const refs = new Map<string, number>();
  let before: number | undefined;
  let all = files;
  for (const [base, paths] of bySize(changes)) {
    all = new Map([...paths.map((path) => [path, Buffer.from('changed\n')] as const), ...all]);
    if (base === '') before = commits.length;
    else refs.set(`refs/heads/${base}`, commits.length);
    const tree = new Map([...all].filter(([path]) => !paths.includes(path)));
    commits.push({ message: `Before ${paths.length} files`, tree });
  }
  const last = commits.length;
  commits.push({ message, tree: all });
  if (!refs.has(MAIN)) refs.set(MAIN, last);
  refs.set(`refs/${ref.kind === 'tag' ? 'tags' : 'heads'}/${ref.name}`, last);
  return { commits, refs, ...(before !== undefined && { before }) };
};

const MAIN = `refs/heads/${DEFAULT_BRANCH}`;

/** What changed since long ago comes first: of it, a part changed later. */
const bySize = (changes: Changes): [string, string[]][] =>
  Object.entries(changes)
    .filter((entry): entry is [string, string[]] => entry[1] !== null)
    .toSorted(([, a], [, b]) => b.length - a.length);

/** All histories in one repository that others borrow from, made by one process; answers with the ids of their commits. */
export const storeOf = async (store: string, histories: readonly History[]): Promise<string[][]> => {
  const run = promisify(execFile);
  await run('git', ['init', '--quiet', '--bare', '--template=', store]);
  const importing = run('git', ['fast-import', '--quiet', '--export-marks=marks'], { cwd: store });
  importing.child.stdin!.end(Buffer.concat([...streamOf(histories)]));
  await importing;
  const marks = await readFile(join(store, 'marks'), 'utf8');
  const ids = new Map(marks.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(-40)]));
  return histories.map(({ commits }, history) => commits.map((_, commit) => ids.get(markOf(history, commit))!));
};

/** No case has a thousand commits. */
const markOf = (history: number, commit: number): string => `:${history * 1_000 + commit + 1}`;

const streamOf = function* (histories: readonly History[]): Generator<Buffer> {
  for (const [history, { commits }] of histories.entries()) {
    for (const [commit, { message, tree }] of commits.entries()) {
      yield Buffer.from(`commit refs/golden/${history}\nmark ${markOf(history, commit)}\ncommitter ${IDENTITY}\n`);
      yield dataOf(Buffer.from(`${message}\n`));
      if (commit > 0) yield Buffer.from(`from ${markOf(history, commit - 1)}\n`);
      yield Buffer.from('deleteall\n');
      for (const [path, content] of tree) {
        yield Buffer.from(`M ${FILE_MODE} inline ${path}\n`);
        yield dataOf(content);
      }
    }
  }
};

const dataOf = (content: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`data ${content.length}\n`), content, Buffer.from('\n')]);

/** Makes a directory a working copy of a history's last commit, with its refs alone; the objects are those of the store. */
export const checkOut = async (
  directory: string,
  { refs }: History,
  { store, ids }: { store: string; ids: readonly string[] },
): Promise<void> => {
  const git = join(directory, '.git');
  await mkdir(join(git, 'objects', 'info'), { recursive: true });
  await mkdir(join(git, 'refs'), { recursive: true });
  await writeFile(join(git, 'HEAD'), `ref: ${MAIN}\n`);
  await writeFile(join(git, 'config'), CONFIGURATION);
  await writeFile(join(git, 'objects', 'info', 'alternates'), `${join(store, 'objects')}\n`);
  const lines = [...refs].map(([ref, commit]) => `${ids[commit]} ${ref}\n`);
  await writeFile(join(git, 'packed-refs'), lines.toSorted().join(''));
  await promisify(execFile)('git', ['read-tree', '-u', '--reset', ids.at(-1)!], { cwd: directory });
};
