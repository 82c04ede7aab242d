import { variableNameProblem } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';

/** As much as GitLab takes, and as many as it takes at most; of all files of one job together. */
export const DOTENV_LIMITS = { bytes: 5 * 1024, variables: 150 } as const;

export const invalidDotenv = (message: string): Refusal => new Refusal('invalid_dotenv', message);

/**
 * Variables as a job hands them on: one `NAME=value` on each line, nothing else. Values are taken as they are, without
 * the spaces around them. What is wrong is told by its line and never by what it says, which may be a secret.
 */
export const parseDotenv = (bytes: Uint8Array, file: string): Record<string, string> => {
  const wrong = (line: number, what: string): Refusal => invalidDotenv(`${file}, line ${line}: ${what}`);
  const lines = textOf(bytes, file).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const variables = new Map<string, string>();
  for (const [index, text] of lines.entries()) {
    const end = text.indexOf('=');
    if (text.trim() === '') throw wrong(index + 1, 'an empty line is not allowed');
    if (text.trimStart().startsWith('#')) throw wrong(index + 1, 'a comment is not allowed');
    if (end < 0) throw wrong(index + 1, 'this is not NAME=value');
    const name = text.slice(0, end).trim();
    const value = text.slice(end + 1).trim();
    const problem = variableNameProblem(name);
    if (problem) throw wrong(index + 1, problem);
    if (value.includes('\0')) throw wrong(index + 1, 'a value has no NUL character');
    variables.set(name, value);
  }
  return Object.fromEntries(variables);
};

const textOf = (bytes: Uint8Array, file: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidDotenv(`${file} is not UTF-8`);
  }
};
