import type { Problem, Severity } from '@foldline/contracts';
import { printable } from '../printable.ts';
import { codeFrame } from './code-frame.ts';

/**
 * Each problem with its place, the lines that it is about and what to do; then how many there are. `texts` are those of
 * the files, by name.
 */
export const problemsOf = (problems: readonly Problem[], texts: ReadonlyMap<string, string>): string[] => {
  const linesOf = new Map([...texts].map(([file, text]) => [file, text.split(/\r?\n/)]));
  const told = problems.flatMap((problem) => [...problemOf(problem, linesOf.get(problem.file) ?? []), '']);
  const countOf = (wanted: Severity): number => problems.filter(({ severity }) => severity === wanted).length;
  const infos = countOf('info');
  const mendable = problems.filter(({ fix }) => fix).length;
  return [
    ...told,
    `${counted(countOf('error'), 'error')}, ${counted(countOf('warning'), 'warning')}${infos > 0 ? `, ${infos} info` : ''}`,
    ...(mendable > 0 ? [`\`foldline lint --fix\` mends ${mendable} of them.`] : []),
  ];
};

const problemOf = (
  { file, line, column, severity, code, message, hint }: Problem,
  lines: readonly string[],
): string[] => [
  `${printable(file)}:${line}:${column} ${severity} ${code}`,
  `  ${printable(message)}`,
  ...codeFrame({ line, column }, lines),
  ...(hint === undefined ? [] : [`  ${printable(hint)}`]),
];

/** What was changed in which file. */
export const fixedOf = (fixed: readonly Problem[]): string[] =>
  fixed.map(
    ({ file, line, column, code, fix }) =>
      `${printable(file)}:${line}:${column} mended ${code}: now \`${printable(fix?.text ?? '')}\``,
  );

export const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
