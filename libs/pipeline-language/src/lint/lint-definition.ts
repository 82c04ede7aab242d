import type { Definition } from '../definition.ts';
import { limits } from '../limits.ts';
import { shorten, type MapNode } from '../node.ts';
import type { Report } from '../report.ts';
import { checkArtifacts } from './artifacts-used.ts';
import { checkVariables } from './misspelt-variables.ts';
import { checkConditions, checkReachable } from './reachable.ts';
import { scriptsOf, type Script } from './scripts.ts';
import { checkSecrets } from './secrets-printed.ts';
import { ShellReader } from './shell.ts';
import { checkShellSyntax } from './shell-syntax.ts';
import { checkUnused } from './unused-variables.ts';

/** What is worth telling of a definition besides what refuses its plan. */
export const lintDefinition = (root: MapNode, definition: Definition, report: Report): void => {
  // Of what is wrong, only a part was read.
  const isWhole = !report.failed && !report.isPartial;
  const scripts = definition.jobs.flatMap(scriptsOf);
  const shell = new ShellReader();
  checkShellSyntax(scripts, shell, report);
  reportUnread(scripts, shell, report);
  checkConditions(definition, report);
  if (isWhole) checkReachable(definition, report);
  if (!report.isPartial) checkVariables(definition, scripts, shell, report);
  checkSecrets(scripts, shell, report);
  checkArtifacts(definition, report);
  if (isWhole) checkUnused({ root, definition, scripts }, report);
};

const reportUnread = (scripts: readonly Script[], shell: ShellReader, report: Report): void => {
  for (const { job, name, commands } of scripts) {
    const unread = commands.find(({ value }) => !shell.read(value));
    if (!unread) continue;
    const message = `Job \`${shorten(job.name)}\`: ${name}: this command and those behind it are too long or too deeply nested to be checked; at most ${limits.shellWork} characters of scripts are looked at, nested ones counted again.`;
    report.warn('shell-unchecked', unread.at, message);
    return;
  }
};
