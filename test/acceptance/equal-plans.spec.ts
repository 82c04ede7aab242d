import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS } from '@foldline/client';
import type { Plan, PlanDecision, Problem } from '@foldline/contracts';
import { isAsked } from '@foldline/testing';
import { compile, plannedFrom, type Sources } from '@foldline/pipeline-language';
import { CommandLine } from './command-line.ts';
import {
  DEFINITION_FILE,
  OWNER,
  goldenNames,
  isAskedForByAJob,
  repositoryOf,
  textOf,
  unsayable,
  type GoldenCase,
} from './golden-cases.ts';

/** Cases that cannot be asked for everywhere, each with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'only-a-commit-by-its-id-is-no-branch': 'the command plans for branches and tags',
  'rules-fill-in-variables-of-the-project-that-are-not-raw': 'variables of the command are taken as they are',
  'rules-see-the-default-branch': 'a repository on the disk has no other default branch than its first',
  'rules-see-the-variables-of-their-environment': 'variables of the command are for every environment',
  'rules-see-what-is-predefined': 'a commit is made when the test runs, by whoever runs it',
};
/** Cases that are worked on beside each other. */
const LANES = 2;

type Outcome = { plan: Plan } | { problems: Problem[]; decisions: PlanDecision[] };
type Answers = { compiled: Outcome; commanded: Outcome; served: Outcome };

const byTheFunction = ({ directory, name, trigger, changes }: GoldenCase): Outcome => {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('.git/'));
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(directory, path), 'utf8')]));
  const sources: Sources = { files, paths, changes };
  const result = compile({ file: DEFINITION_FILE, text: textOf(name), trigger, sources });
  const plan = plannedFrom(DEFINITION_FILE, result);
  return JSON.parse(JSON.stringify(plan ? { plan } : result)) as Outcome;
};

const eventOf = (source: string): string => source.replace(/_event$/, '');

const byTheCommand = async (commandLine: CommandLine, { directory, trigger, before }: GoldenCase): Promise<Outcome> => {
  const { ref, source, variables, sealed } = trigger;
  const options = [
    ['--event', eventOf(source)],
    ...(before === undefined ? [] : [['--before', before]]),
    [ref.kind === 'tag' ? '--tag' : '--branch', ref.name],
    ...Object.entries(variables).map(([key, value]) => ['-v', `${key}=${value}`]),
    ...sealed.map(({ name, masked, value }) => [
      masked ? '--masked-variable' : '--project-variable',
      `${name}=${value}`,
    ]),
  ].flat();
  const { code, stdout } = await commandLine.call('plan', '--json', '-C', directory, ...options);
  const outcome = JSON.parse(stdout) as Outcome;
  expect(code).toBe('plan' in outcome ? 0 : 1);
  return outcome;
};

/** Of what the server answers besides, `type` of a problem is where its page is. */
const byTheServer = async ({ client }: Sandbox, { name, directory, trigger, before }: GoldenCase): Promise<Outcome> => {
  const { ref, source, variables, sealed } = trigger;
  await client.post('/api/v1/projects', { owner: OWNER, name, url: directory });
  for (const { name: key, masked, value } of sealed)
    await client.post(`/api/${OWNER}/${name}/variables`, { key, masked, value });
  const event = ref.kind === 'tag' && source === 'push' ? 'tag' : eventOf(source);
  const query = new URLSearchParams({ ref: ref.name, event });
  if (before !== undefined) query.set('before', before);
  for (const [key, value] of Object.entries(variables)) query.set(`variables[${key}]`, value);
  const answer = await client.get<
    { plan: Plan } | { problems: (Problem & { type: string })[]; decisions: PlanDecision[] }
  >(`/api/${OWNER}/${name}/plan-preview?${query.toString()}`);
  if ('plan' in answer) return { plan: answer.plan };
  return { problems: answer.problems.map(({ type: _type, ...problem }) => problem), decisions: answer.decisions };
};

describe('A golden case, by the function, by the command and by a server', () => {
  let sandbox: Sandbox;
  const answers = new Map<string, Promise<Answers>>();
  const sayable = goldenNames().filter((name) => unsayable(name).length === 0);
  // Each takes some twenty processes of git.
  const names = isAsked('FOLDLINE_TEST_EVERY_PLAN') ? sayable : sayable.filter((_, n) => n % 3 === 0);

  const commandLines: CommandLine[] = [];

  const answersTo = async (name: string, commandLine: CommandLine): Promise<Answers> => {
    const golden = await repositoryOf(name, join(sandbox.directory, 'golden'));
    const compiled = byTheFunction(golden);
    const commanded = await byTheCommand(commandLine, golden);
    return { compiled, commanded, served: await byTheServer(sandbox, golden) };
  };

  beforeAll(async () => {
    sandbox = await Sandbox.start();
    commandLines.push(...Array.from({ length: LANES }, () => new CommandLine()));
    const lanes = commandLines.map((): Promise<unknown> => Promise.resolve());
    for (const [n, name] of names.entries()) {
      const lane = n % LANES;
      const answer = lanes[lane]!.then(() => answersTo(name, commandLines[lane]!));
      lanes[lane] = answer.catch(() => undefined);
      answers.set(name, answer);
    }
  }, START_MS);
  afterAll(async () => {
    await Promise.allSettled(answers.values());
    await Promise.all(commandLines.map((commandLine) => commandLine.stop()));
    await sandbox.stop();
  }, START_MS);

  it('can be asked for everywhere, but for those that are left out', () => {
    const others = goldenNames().filter((name) => !sayable.includes(name) && !isAskedForByAJob(name));
    expect(others).toEqual(Object.keys(LEFT_OUT).toSorted());
  });

  it.each(names)('has the same plan or the same problems: %s', async (name) => {
    const { compiled, commanded, served } = await answers.get(name)!;
    expect(commanded).toEqual(compiled);
    expect(served).toEqual(compiled);
  });
});
