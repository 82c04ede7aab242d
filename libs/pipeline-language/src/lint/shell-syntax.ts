import { stepScript } from '@foldline/contracts';
import { shorten } from '../node.ts';
import type { Located } from '../read.ts';
import type { Report } from '../report.ts';
import { firstAt } from './first-at.ts';
import { placeInScalar } from './script-place.ts';
import type { Script } from './scripts.ts';
import type { ShellReader } from './shell.ts';

type Found = { command: Located<string>; offset: number; message: string };

/** Reports the first mistake of each script, once for all jobs that share it. */
export const checkShellSyntax = (scripts: readonly Script[], shell: ShellReader, report: Report): void => {
  const isFirst = firstAt();
  // Where jobs of both kinds share a command, the one that surely fails by it counts.
  for (const script of scripts.toSorted((a, b) => Number(isFatal(b)) - Number(isFatal(a)))) {
    const found = mistakeOf(script.commands, shell);
    if (!found) continue;
    const { value, at } = found.command;
    if (!isFirst(at, found.offset)) continue;
    const place = placeInScalar(report.textOf(at.file), at, value, found.offset);
    const message = `Job \`${shorten(script.job.name)}\`: ${script.name}: bash cannot read this: ${found.message}.`;
    if (isFatal(script)) report.error('shell-syntax', place, message);
    else report.warn('shell-syntax', place, message);
  }
};

/** What an image has for a shell is not known, and how `after_script` ends changes nothing. */
const isFatal = ({ name, isBash }: Script): boolean => isBash && name !== 'after_script';

/**
 * Commands that are right by themselves are right together, and that is looked at first: most are, and many jobs share
 * them. Otherwise a command may go on in the next one, and the whole script decides.
 */
const mistakeOf = (commands: readonly Located<string>[], shell: ShellReader): Found | undefined => {
  const readings = commands.map((command) => ({ command, read: shell.read(command.value) }));
  if (readings.some(({ read }) => !read)) return undefined;
  const broken = readings.filter(({ read }) => read!.mistakes.length > 0);
  if (broken.length === 0) return undefined;
  const { text, starts } = stepScript(
    'set -e',
    commands.map(({ value }) => value),
  );
  const [mistake] = shell.read(text)?.mistakes ?? [];
  if (!mistake) return undefined;
  // A quote that is not closed is ended by one of a later command, and would be found there.
  if (broken.length === 1) return { command: broken[0]!.command, ...broken[0]!.read!.mistakes[0]! };
  const index = Math.max(
    0,
    starts.findLastIndex((start) => start <= mistake.offset),
  );
  return { command: commands[index]!, offset: mistake.offset - starts[index]!, message: mistake.message };
};
