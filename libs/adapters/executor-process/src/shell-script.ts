import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Shell = { path: string; options: string };

const CANDIDATES: readonly Shell[] = [
  { path: '/bin/bash', options: 'set -eo pipefail' },
  { path: '/usr/bin/bash', options: 'set -eo pipefail' },
  { path: '/bin/sh', options: 'set -e' },
];

/** Bash where there is one, as GitLab's runner does. */
export const findShell = (): Shell => CANDIDATES.find(({ path }) => existsSync(path)) ?? CANDIDATES.at(-1)!;

/** One word of the shell language that means exactly this text. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const firstLine = (command: string): string => /^[^\r\n]*/.exec(command.trimStart())?.[0] ?? '';

/**
 * The script of one step. Commands stand in it as their author wrote them, so that `cd`, `export` and blocks that span
 * several list items mean what they mean to GitLab; nothing but the author's own text ever becomes code.
 * The first line makes both outputs one pipe, so their order is the order of writing.
 */
export const shellScript = (shell: Shell, commands: readonly string[]): string => {
  const echoed = commands.map((command) => `printf '\\033[32;1m$ %s\\033[0;m\\n' ${quoted(firstLine(command))}`);
  const lines = commands.flatMap((command, n) => [echoed[n], command]);
  return ['exec 2>&1', shell.options, ...lines, ''].join('\n');
};

let counter = 0;

/** Writes the script where only this user reads it: it may hold what its author should not have written there. */
export const writeScript = (directory: string, text: string): string => {
  const path = join(directory, `step-${process.pid}-${(counter += 1)}.sh`);
  writeFileSync(path, text, { mode: 0o700, flag: 'wx' });
  return path;
};
