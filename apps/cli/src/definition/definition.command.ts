import { basename, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { Problem } from '@foldline/contracts';
import {
  DEFINITION_FILES,
  attemptToCompile,
  attemptToLint,
  describeTrigger,
  plannedFrom,
  withSources,
  type Trigger,
} from '@foldline/pipeline-language';
import { CommandFailure, EXIT, type ExitCode } from '../command-failure.ts';
import { planOf } from './plan-text.ts';
import { problemsOf } from './problem-text.ts';
import { definitionAt, lookInto, workingCopyAt } from './working-copy.ts';

const EVENTS = ['push', 'tag', 'merge_request', 'schedule', 'api', 'web'] as const;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Where = { directory: string; file: string; json?: boolean };
type Variables = Record<string, string>;
type For = {
  event: (typeof EVENTS)[number];
  branch?: string;
  tag?: string;
  before?: string;
  variable: Variables;
  projectVariable: Variables;
  maskedVariable: Variables;
};
type Ended = (code: ExitCode) => void;

/** `foldline lint` and `foldline plan`: what a definition comes to, without a server. */
export const addDefinitionCommands = (program: Command, calledFrom: string, ended: Ended): void => {
  const withFile = (command: Command): Command =>
    command
      // A mistake in the call is none in the definition.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage))
      .option('-C, --directory <directory>', 'the repository', '.')
      .option('--file <path>', 'the definition in it', DEFINITION_FILES[0])
      .option('--json', 'answer as JSON');
  const read = async ({ directory, file, before }: Where & Partial<For>) => {
    const root = resolve(calledFrom, directory);
    const text = await definitionAt(root, file);
    const texts = new Map([[file, text]]);
    return { root, file, text, texts, look: lookInto(root, texts, before) };
  };

  withFile(program.command('lint'))
    .description('tell every mistake of a definition')
    .action(async (where: Where) => {
      const { file, text, texts, look } = await read(where);
      const { problems } = await withSources(look, (sources) => attemptToLint(file, text, sources));
      const isRefused = problems.some(({ severity }) => severity === 'error');
      answer(where, { problems }, () => problemsOf(problems, texts));
      ended(isRefused ? EXIT.failed : EXIT.done);
    });

  withFile(program.command('plan'))
    .description('tell which jobs a definition has for an event, and why')
    .addOption(new Option('--event <event>', 'what asks for the pipeline').choices(EVENTS).default('push'))
    .option('--branch <branch>', 'the branch; by default the one that is checked out')
    .option('--tag <tag>', 'the tag, in the place of a branch')
    .option('--before <commit>', 'what the branch pointed to before the push, for rules about changed files')
    .option('-v, --variable <KEY=VALUE>', 'a variable of the request; may be given again', variables, {})
    .option('--project-variable <KEY=VALUE>', 'one that the project has: it decides and is not told', variables, {})
    .option('--masked-variable <KEY=VALUE>', 'the same, of one that is masked in logs', variables, {})
    .action(async (where: Where & For) => {
      const { root, file, text, texts, look } = await read(where);
      const trigger = await triggerOf(root, where);
      const result = await withSources(look, (sources) => attemptToCompile({ file, text, trigger, sources }));
      const plan = plannedFrom(file, result);
      const problems: Problem[] = plan ? plan.warnings : 'problems' in result ? result.problems : [];
      answer(where, plan ? { plan } : result, () => [
        ...(problems.length > 0 ? [...problemsOf(problems, texts), ''] : []),
        ...(plan ? planOf(plan, describeTrigger(trigger)) : []),
      ]);
      ended(plan ? EXIT.done : EXIT.failed);
    });
};

const answer = ({ json }: Where, data: object, lines: () => string[]): void =>
  console.log(json ? JSON.stringify(data, undefined, 2) : lines().join('\n'));

const variables = (given: string, before: Variables): Variables => {
  const at = given.indexOf('=');
  const name = given.slice(0, Math.max(0, at));
  if (!NAME.test(name)) throw new CommandFailure(EXIT.usage, `${given}: a variable is given as KEY=VALUE`);
  return { ...before, [name]: given.slice(at + 1) };
};

const SOURCES = {
  push: 'push',
  tag: 'push',
  merge_request: 'merge_request_event',
  schedule: 'schedule',
  api: 'api',
  web: 'web',
} as const satisfies Record<For['event'], Trigger['source']>;

/** As a server would be asked; of the repository it knows what git says, and calls it after its directory. */
const triggerOf = async (root: string, asked: For): Promise<Trigger> => {
  const { event, branch, tag, variable, projectVariable, maskedVariable } = asked;
  if (event === 'tag' && tag === undefined) throw new CommandFailure(EXIT.usage, '--event tag needs --tag');
  if (branch !== undefined && tag !== undefined)
    throw new CommandFailure(EXIT.usage, 'a pipeline is for a branch or for a tag: give --branch or --tag');
  const { sha, message, branch: checkedOut, defaultBranch = 'main' } = await workingCopyAt(root);
  const name = tag ?? branch ?? checkedOut ?? defaultBranch;
  return {
    ref: { name, kind: tag === undefined ? 'branch' : 'tag', protected: tag === undefined && name === defaultBranch },
    source: SOURCES[event],
    variables: variable,
    sealed: [...sealed(projectVariable, false), ...sealed(maskedVariable, true)],
    project: { id: basename(root), owner: 'local', name: basename(root), url: root, defaultBranch },
    ...(sha && { sha }),
    ...(message && { message }),
  };
};

const sealed = (given: Variables, masked: boolean): NonNullable<Trigger['sealed']>[number][] =>
  Object.entries(given).map(([name, value]) => ({ name, masked, value }));
