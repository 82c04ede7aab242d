import type { Definition, JobDefinition } from '../definition.ts';
import { variablesOf } from '../expressions/expression.ts';
import type { Condition } from '../keywords/rules.ts';
import { shorten } from '../node.ts';
import type { Located } from '../read.ts';
import type { Report } from '../report.ts';
import { firstAt } from './first-at.ts';
import { predefinedNames } from './predefined-names.ts';
import { placeInScalar } from './script-place.ts';
import type { Script } from './scripts.ts';
import type { ShellReader, ShellText } from './shell.ts';
import { isSlip } from './slip.ts';

type Use = { name: string; offset: number };
/** `meant` is a name of the file that it may have been, if there is one. */
type Unknown = Use & { meant: string | undefined };

/** A text that uses variables which nothing in the file mentions. */
type Text = { label: string; job: JobDefinition | undefined; text: Located<string>; unknown: readonly Unknown[] };

/** How often two names are compared; more is no file that a person wrote. */
const MOST_COMPARED = 1_000_000;

/**
 * Reports variables that nothing sets, whose name is one that is there with a slip in it. Whether any other name is set
 * cannot be known: a project and a request have variables of their own, and programs read the environment.
 */
export const checkVariables = (
  definition: Definition,
  scripts: readonly Script[],
  shell: ShellReader,
  report: Report,
): void => {
  const { jobs, variables, workflow } = definition;
  const ofTheFile = [...Object.keys(variables.values), ...namesOfRules(workflow.rules), ...predefinedNames];
  const texts = new Set(scripts.flatMap(({ commands }) => commands.map(({ value }) => value)));
  const ofJobs = new Map(jobs.map((job) => [job, namesOfJob(job)]));
  const mentioned = new Set([...ofTheFile, ...[...ofJobs.values()].flat(), ...[...texts].flatMap(namesSetIn)]);
  const meantOf = new Map<string, string | undefined>();
  let compared = 0;
  const meantOfTheFile = (written: string): string | undefined => {
    if (!meantOf.has(written) && (compared += ofTheFile.length) <= MOST_COMPARED)
      meantOf.set(
        written,
        ofTheFile.find((name) => isSlip(written, name)),
      );
    return meantOf.get(written);
  };
  const unknownAmong = (uses: readonly Use[]): Unknown[] =>
    uses.filter(({ name }) => !mentioned.has(name)).map((use) => ({ ...use, meant: meantOfTheFile(use.name) }));
  const unknown = new Map([...texts].map((text) => [text, unknownAmong(usesIn(shell.read(text)))]));
  const isFirst = firstAt();
  for (const { label, job, text, unknown: uses } of [
    ...textsOfScripts(scripts, unknown),
    ...textsOfRules(definition, unknownAmong),
  ]) {
    const own = (job && ofJobs.get(job)) ?? [];
    for (const use of uses) {
      if ((compared += own.length) > MOST_COMPARED || report.full) return;
      const meant = own.find((name) => isSlip(use.name, name)) ?? use.meant;
      if (meant !== undefined && isFirst(text.at, use.offset)) tell(label, use, meant, text, report);
    }
  }
};

const textsOfScripts = (scripts: readonly Script[], unknown: ReadonlyMap<string, readonly Unknown[]>): Text[] =>
  scripts.flatMap(({ job, name, commands }) =>
    commands
      .map((text) => ({ label: labelOf(job, name), job, text, unknown: unknown.get(text.value)! }))
      .filter(({ unknown }) => unknown.length > 0),
  );

const textsOfRules = (
  { jobs, workflow }: Definition,
  unknownAmong: (uses: readonly Use[]) => readonly Unknown[],
): Text[] => {
  // Many jobs may share one condition.
  const unknown = new Map<Condition, readonly Unknown[]>();
  const unknownIn = (condition: Condition): readonly Unknown[] => {
    const known = unknown.get(condition) ?? unknownAmong(usesOf(condition));
    unknown.set(condition, known);
    return known;
  };
  const textsOf = (label: string, rules: Rules = [], job?: JobDefinition): Text[] =>
    rules.flatMap(({ condition }) => {
      const uses = condition ? unknownIn(condition) : [];
      if (!condition || uses.length === 0) return [];
      return [{ label, job, text: { value: condition.text, at: condition.at }, unknown: uses }];
    });
  return [
    ...textsOf('The file: workflow.rules', workflow.rules),
    ...jobs.flatMap((job) => textsOf(labelOf(job, 'rules'), job.settings.rules, job)),
  ];
};

const usesOf = ({ text, expression }: Condition): Use[] =>
  variablesOf(expression).map((name) => ({ name, offset: text.indexOf(`$${name}`) + 1 }));

const labelOf = ({ name }: JobDefinition, keyword: string): string => `Job \`${shorten(name)}\`: ${keyword}`;

type Rules = Definition['workflow']['rules'];
const namesOfRules = (rules: Rules = []): string[] =>
  rules.flatMap(({ variables }) => Object.keys(variables?.values ?? {}));

const namesOfJob = ({ settings }: JobDefinition): string[] => {
  const { variables, secrets = {}, rules, parallel, matrix } = settings;
  const copies = [parallel, matrix].flatMap((of) =>
    of?.kind === 'matrix' ? of.rows.flatMap((row) => Object.keys(row)) : [],
  );
  return [...Object.keys(variables?.values ?? {}), ...Object.keys(secrets), ...namesOfRules(rules), ...copies];
};

/** Every name that stands somewhere without a `$`: it may be set there (`NAME=…`, `read NAME`, `export NAME`, `for NAME in`). */
const namesSetIn = (text: string): string[] => text.match(/(?<![\w$]|\$\{[#!]?)[A-Za-z_]\w*/g) ?? [];

/** What the shell fills in. One with a default is expected not to be set. */
const usesIn = (read: ShellText | undefined): Use[] => {
  const uses = new Map<string, Use>();
  for (const { node, offset } of read?.parts ?? []) {
    const use =
      node.type === 'SimpleExpansion'
        ? { name: node.text.slice(1), offset: offset + 1 }
        : node.type === 'ParameterExpansion' && node.operation?.type !== 'Default' && node.prefix === undefined
          ? { name: node.parameter, offset: offset + 2 }
          : undefined;
    if (use && /^[A-Za-z_]\w*$/.test(use.name) && !uses.has(use.name)) uses.set(use.name, use);
  }
  return [...uses.values()];
};

const tell = (label: string, { name, offset }: Use, meant: string, { value, at }: Located<string>, report: Report) => {
  const place = placeInScalar(report.textOf(at.file), at, value, offset);
  const message = `${label} uses \`$${shorten(name)}\`, which nothing in the file sets.`;
  report.warn('misspelt-variable', place, message, `Did you mean \`$${meant}\`?`);
};
