import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { variableNameProblem, type Problem } from '@foldline/contracts';
import {
  DEFINITION_FILES,
  PLAN_EVENTS,
  attemptToCompile,
  definitionSchema,
  describeTrigger,
  plannedFrom,
  withSources,
} from '@foldline/pipeline-language';
import { CommandFailure, EXIT, type ExitCode } from '../command-failure.ts';
import { lintFiles, mendFiles } from './lint.ts';
import { planOf } from './plan-text.ts';
import { fixedOf, problemsOf } from './problem-text.ts';
import { rewrite } from './rewrite.ts';
import { triggerOf, type For } from './trigger-of.ts';
import { definitionAt, definitionFileIn, lookInto } from './working-copy.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Where = { directory: string; file?: string; json?: boolean };
type Variables = Record<string, string>;
type Lint = Omit<Where, 'file'> & { file: readonly string[]; fix?: boolean; strict?: boolean };
type Ended = (code: ExitCode) => void;

/** `foldline lint`, `plan` and `schema`: what a definition is and comes to, without a server. */
export const addDefinitionCommands = (program: Command, calledFrom: string, ended: Ended): void => {
  const inRepository = (command: Command): Command =>
    command
      // A mistake in the call is none in the definition.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage))
      .option('-C, --directory <directory>', 'the repository', '.')
      .option('--json', 'answer as JSON');

  inRepository(program.command('lint'))
    .description('tell every mistake of definitions')
    .option('--file <path>', 'a definition in it; may be given again', listed, [])
    .option('--fix', 'mend in the files what needs no judgement')
    .option('--strict', 'let warnings count as errors')
    .action(async ({ file: files, fix, strict, ...where }: Lint) => {
      const root = resolve(calledFrom, where.directory);
      const definitions = new Map<string, string>();
      for (const file of files.length > 0 ? files : [definitionFileIn(root)])
        definitions.set(file, await definitionAt(root, file));
      const mended = fix ? await mendFiles(root, definitions) : undefined;
      if (mended) await rewrite(root, mended.changes);
      const { problems, texts } = mended ?? (await lintFiles(root, definitions));
      const fixed = mended?.fixed ?? [];
      answer(where, { problems, ...(mended && { fixed }) }, () => [
        ...(fixed.length > 0 ? [...fixedOf(fixed), ''] : []),
        ...problemsOf(problems, texts),
      ]);
      const refuses = problems.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'));
      ended(refuses ? EXIT.failed : EXIT.done);
    });

  inRepository(program.command('plan'))
    .description('tell which jobs a definition has for an event, and why')
    .option('--file <path>', `the definition in it; by default ${DEFINITION_FILES.join(' or ')}`)
    .addOption(new Option('--event <event>', 'what asks for the pipeline').choices(PLAN_EVENTS).default('push'))
    .option('--branch <branch>', 'the branch; by default the one that is checked out')
    .option('--tag <tag>', 'the tag, in the place of a branch')
    .option('--before <commit>', 'what the branch pointed to before the push, for rules about changed files')
    .option('-v, --variable <KEY=VALUE>', 'a variable of the request; may be given again', variables, {})
    .option('--project-variable <KEY=VALUE>', 'one that the project has: it decides and is not told', variables, {})
    .option('--masked-variable <KEY=VALUE>', 'the same, of one that is masked in logs', variables, {})
    .action(async (where: Where & For) => {
      const root = resolve(calledFrom, where.directory);
      const file = where.file ?? definitionFileIn(root);
      const text = await definitionAt(root, file);
      const texts = new Map([[file, text]]);
      const look = lookInto(root, texts, where.before);
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

  program
    .command('schema')
    .description('print what a definition may say as a JSON Schema, for editors')
    .action(() => console.log(JSON.stringify(definitionSchema(), undefined, 2)));
};

const answer = ({ json }: Pick<Where, 'json'>, data: object, lines: () => string[]): void =>
  console.log(json ? JSON.stringify(data, undefined, 2) : lines().join('\n'));

const listed = (given: string, before: readonly string[]): string[] => [...before, given];

const variables = (given: string, before: Variables): Variables => {
  const at = given.indexOf('=');
  const name = given.slice(0, Math.max(0, at));
  if (!NAME.test(name)) throw new CommandFailure(EXIT.usage, `${given}: a variable is given as KEY=VALUE`);
  const problem = variableNameProblem(name);
  if (problem) throw new CommandFailure(EXIT.usage, `${given}: ${problem}`);
  return { ...before, [name]: given.slice(at + 1) };
};
