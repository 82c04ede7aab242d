import type { Problem } from '@foldline/contracts';
import { applyFixes, attemptToLint, withSources } from '@foldline/pipeline-language';
import { lookInto } from './working-copy.ts';

/** `texts` are those of all files that were read, by name. */
export type Linted = { problems: Problem[]; texts: Map<string, string> };
/** A file's text as it was read, and as it should be. */
export type Change = { before: string; after: string };
/** `fixed` are the problems that are no longer there, `changes` what that means for their files. */
export type Mended = Linted & { fixed: Problem[]; changes: Map<string, Change> };

/** What is behind a misspelt keyword is seen only when that is mended; nothing needs more rounds than it has levels. */
const MOST_ROUNDS = 5;

/** The problems of several definitions of one repository, each told once, also that of a file which several include. */
export const lintFiles = async (
  root: string,
  definitions: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, string> = new Map(),
): Promise<Linted> => {
  const texts = new Map([...definitions, ...changed]);
  const problems = new Map<string, Problem>();
  const into = lookInto(root, texts);
  const look = { ...into, file: async (path: string) => changed.get(path) ?? (await into.file(path)) };
  for (const path of definitions.keys()) {
    const result = await withSources(look, (sources) => attemptToLint({ file: path, text: texts.get(path)!, sources }));
    for (const problem of result.problems) problems.set(JSON.stringify(problem), problem);
  }
  return { problems: [...problems.values()], texts };
};

/** Mends what can be mended, and then says what is left. Nothing is written. */
export const mendFiles = async (root: string, definitions: ReadonlyMap<string, string>): Promise<Mended> => {
  let linted = await lintFiles(root, definitions);
  const asRead = linted.texts;
  const fixed: Problem[] = [];
  const changed = new Map<string, string>();
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const next = new Map(changed);
    const mended = [...linted.texts].flatMap(([file, text]) => {
      const fixable = linted.problems.filter((problem) => problem.file === file && problem.fix);
      const { text: after, applied } = applyFixes(
        text,
        fixable.map(({ fix }) => fix!),
      );
      if (applied.length > 0) next.set(file, after);
      return fixable.filter(({ fix }) => applied.includes(fix!));
    });
    if (mended.length === 0) break;
    const after = await lintFiles(root, definitions, next);
    if (isTorn(after) && !isTorn(linted)) break;
    fixed.push(...mended);
    for (const [file, text] of next) changed.set(file, text);
    linted = after;
  }
  const changes = new Map([...changed].map(([file, after]) => [file, { before: asRead.get(file)!, after }]));
  return { ...linted, fixed, changes };
};

/** A right word beside the misspelt one makes a key that is there twice: which of both counts is for the author to say. */
const isTorn = ({ problems }: Linted): boolean =>
  problems.some(({ code }) => code === 'duplicate-key' || code === 'yaml-syntax');
