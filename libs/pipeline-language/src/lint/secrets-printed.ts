import { shorten } from '../node.ts';
import type { Located } from '../read.ts';
import type { Report } from '../report.ts';
import { firstAt } from './first-at.ts';
import { placeInScalar } from './script-place.ts';
import type { Script } from './scripts.ts';
import type { ShellNode, ShellPart, ShellReader } from './shell.ts';

type Command = Extract<ShellNode, { type: 'Command' }>;

/** How often the commands of jobs are looked at, those that several share counted for each; more is no file of a person. */
const MOST_LOOKED_AT = 1_000_000;

/** Reports commands that write a job's secrets to its log. */
export const checkSecrets = (scripts: readonly Script[], shell: ShellReader, report: Report): void => {
  const isFirst = firstAt();
  let lookedAt = 0;
  for (const { job, name, commands } of scripts) {
    const secrets = new Set(Object.keys(job.settings.secrets ?? {}));
    if (secrets.size === 0) continue;
    for (const command of commands) {
      const parts = shell.read(command.value)?.parts ?? [];
      if ((lookedAt += parts.length) > MOST_LOOKED_AT || report.full) return;
      for (const part of parts) {
        const what = part.node.type === 'Command' ? whatIsPrinted(part.node, part, secrets) : undefined;
        if (what && isFirst(command.at, part.offset))
          tell(`Job \`${shorten(job.name)}\`: ${name}`, what, command, part.offset, report);
      }
    }
  }
};

const tell = (label: string, what: string, { value, at }: Located<string>, offset: number, report: Report): void =>
  report.warn('secret-printed', placeInScalar(report.textOf(at.file), at, value, offset), `${label}: ${what}.`);

const whatIsPrinted = (command: Command, part: ShellPart, secrets: ReadonlySet<string>): string | undefined => {
  const program = command.name?.value ?? '';
  const words = command.args.map((word) => (word.type === 'Word' ? word.value : word.text));
  if (isTrace(program, words)) return `\`${program} -x\` writes every command to the log with its secrets filled in`;
  if (!isShown(part)) return undefined;
  if (isList(program, words))
    return `\`${[program, ...words].join(' ')}\` writes all variables to the log, secrets among them`;
  const printed = program === 'printenv' ? words : ['echo', 'printf'].includes(program) ? expandedBy(command) : [];
  const secret = printed.find((name) => secrets.has(name));
  return secret && `\`${program}\` writes the secret \`${secret}\` to the log`;
};

const isTrace = (program: string, words: readonly string[]): boolean =>
  ['set', 'bash', 'sh'].includes(program) &&
  words.some(
    (word, index) => /^-[a-z]*x[a-z]*$/.test(word) || (word === 'xtrace' && /^-[a-z]*o$/.test(words[index - 1] ?? '')),
  );

const isList = (program: string, words: readonly string[]): boolean => {
  if (program === 'env' || program === 'printenv') return words.every((word) => /^(?:-0|--null)$/.test(word));
  if (program === 'export' || program === 'declare') return words.length === 1 && /^-[px]+$/.test(words[0]!);
  return program === 'set' && words.length === 0;
};

/** Names whose values are among the words of a command. */
const expandedBy = (command: Command): string[] =>
  command.args.flatMap((word) => (word.type === 'Word' ? namesOf(word.parts ?? []) : []));

const namesOf = (parts: readonly ShellNode[]): string[] =>
  parts.flatMap((part) => {
    if (part.type === 'SimpleExpansion') return [part.text.slice(1)];
    if (part.type === 'DoubleQuoted') return namesOf(part.parts);
    if (part.type !== 'ParameterExpansion' || part.prefix !== undefined) return [];
    // `${SECRET:+yes}` says only that there is one.
    const isAsked = part.operation?.type === 'Default' && part.operation.operator.endsWith('+');
    return isAsked ? [] : [part.parameter];
  });

type Redirections = Command['redirects'];

/** False where another command, a file or a variable gets what is written. */
const isShown = ({ node, around }: ShellPart): boolean => {
  if ((node.type === 'Command' || node.type === 'Redirected') && leadsAway(node.redirects)) return false;
  if (node.type === 'CommandExpansion' || node.type === 'ProcessSubstitution' || node.type === 'Function') return false;
  if (!around) return true;
  return !(around.node.type === 'Pipeline' && around.node.commands.at(-1) !== node) && isShown(around);
};

const leadsAway = (redirects: Redirections): boolean =>
  redirects.some((redirect) => {
    if (redirect.type !== 'Redirect' || !redirect.operator.includes('>') || redirect.operator === '<>') return false;
    const { descriptor, target } = redirect;
    const isOfOutput = descriptor === undefined || (descriptor.type === 'FileDescriptor' && descriptor.value === 1);
    return isOfOutput && !/^(?:[012]|\/dev\/(?:stdout|stderr|tty))$/.test(target?.value ?? '');
  });
