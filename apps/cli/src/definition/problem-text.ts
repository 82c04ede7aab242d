import type { Problem } from '@foldline/contracts';
import { printable } from '../printable.ts';

const LONGEST_LINE = 160;

/**
 * Each problem with its place, the line that it is about and what to do; then how many there are. `texts` are those of
 * the files, by name.
 */
export const problemsOf = (problems: readonly Problem[], texts: ReadonlyMap<string, string>): string[] => {
  const linesOf = new Map([...texts].map(([file, text]) => [file, text.split(/\r?\n/)]));
  const told = problems.flatMap((problem) => [...problemOf(problem, linesOf.get(problem.file) ?? []), '']);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return [...told, `${counted(errors, 'error')}, ${counted(problems.length - errors, 'warning')}`];
};

const problemOf = (
  { file, line, column, severity, code, message, hint }: Problem,
  lines: readonly string[],
): string[] => [
  `${printable(file)}:${line}:${column} ${severity} ${code}`,
  `  ${printable(message)}`,
  ...frameOf(line, column, lines),
  ...(hint === undefined ? [] : [`  ${printable(hint)}`]),
];

const frameOf = (line: number, column: number, lines: readonly string[]): string[] => {
  const source = lines[line - 1];
  // What stands far to the right is shown from a little before it.
  const from = column > LONGEST_LINE / 2 ? column - LONGEST_LINE / 4 : 0;
  if (source === undefined || source.trim() === '') return [];
  const number = String(line);
  const shown = printable(source.slice(from, from + LONGEST_LINE).replaceAll('\t', ' '));
  return [`  ${number} | ${shown}`, `  ${' '.repeat(number.length)} | ${' '.repeat(Math.max(0, column - 1 - from))}^`];
};

export const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
