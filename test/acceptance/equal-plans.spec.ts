import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS } from '@foldline/client';
import type { Plan, PlanDecision, Problem } from '@foldline/contracts';
import { compile, plannedFrom } from '@foldline/pipeline-language';
import { CommandLine } from './command-line.ts';
import {
  DEFINITION_FILE,
  goldenCases,
  goldenNames,
  isOfAnotherWorld,
  projectAt,
  textOf,
  unsayable,
  type GoldenCase,
} from './golden-cases.ts';

/** Cases that cannot be asked for everywhere, each with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'include-remote-where-nobody-can-look-is-told': 'a server can look',
  'needs-a-job-of-another-project-where-nobody-can-look-is-told': 'a server can look',
  'only-a-commit-by-its-id-is-no-branch': 'the command plans for branches and tags',
  'rules-fill-in-variables-of-the-project-that-are-not-raw': 'variables of the command are taken as they are',
  'rules-see-the-default-branch': 'a repository on the disk has no other default branch than its first',
  'rules-see-the-variables-of-their-environment': 'variables of the command are for every environment',
  'rules-see-what-is-predefined': 'a commit is made when the test runs, by whoever runs it',
};
/** Cases are worked on beside each other in so many repositories, one after the other in each of them. */
const LANES = 2;

type Outcome = { plan: Plan } | { problems: Problem[]; decisions: PlanDecision[] };
type Answers = { compiled: Outcome; commanded: Outcome; served: Outcome };
type Lane = { directory: string; commandLine: CommandLine };

const byTheFunction = ({ name, trigger, sources }: GoldenCase, { directory }: Lane): Outcome => {
  const project = projectAt(directory);
  const result = compile({ file: DEFINITION_FILE, text: textOf(name), trigger: { ...trigger, project }, sources });
  const plan = plannedFrom(DEFINITION_FILE, result);
  return JSON.parse(JSON.stringify(plan ? { plan } : result)) as Outcome;
};

const eventOf = (source: string): string => source.replace(/_event$/, '');

const byTheCommand = async ({ trigger, before }: GoldenCase, { directory, commandLine }: Lane): Promise<Outcome> => {
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
const byTheServer = async (
  { client }: Sandbox,
  { trigger, before }: GoldenCase,
  { directory }: Lane,
): Promise<Outcome> => {
  const { ref, source, variables, sealed } = trigger;
  const { owner, name } = projectAt(directory);
  const path = `/api/${owner}/${name}`;
  for (const { name: key, masked, value } of sealed) await client.post(`${path}/variables`, { key, masked, value });
  const event = ref.kind === 'tag' && source === 'push' ? 'tag' : eventOf(source);
  const query = new URLSearchParams({ ref: ref.name, event });
  if (before !== undefined) query.set('before', before);
  for (const [key, value] of Object.entries(variables)) query.set(`variables[${key}]`, value);
  const answer = await client.get<
    { plan: Plan } | { problems: (Problem & { type: string })[]; decisions: PlanDecision[] }
  >(`${path}/plan-preview?${query.toString()}`);
  for (const { name: key } of sealed) await client.raw('DELETE', `${path}/variables/${key}`);
  if ('plan' in answer) return { plan: answer.plan };
  return { problems: answer.problems.map(({ type: _type, ...problem }) => problem), decisions: answer.decisions };
};

describe('A golden case, by the function, by the command and by a server', () => {
  let sandbox: Sandbox;
  const answers = new Map<string, Promise<Answers>>();
  const names = goldenNames().filter((name) => unsayable(name).length === 0 && !Object.hasOwn(LEFT_OUT, name));
  const lanes: Lane[] = [];

  const answersTo = async (golden: GoldenCase, lane: Lane): Promise<Answers> => {
    await golden.checkOut(lane.directory);
    const compiled = byTheFunction(golden, lane);
    const commanded = await byTheCommand(golden, lane);
    return { compiled, commanded, served: await byTheServer(sandbox, golden, lane) };
  };

  const laneAt = async (directory: string, first: GoldenCase): Promise<Lane> => {
    await first.checkOut(directory);
    const { owner, name, url } = projectAt(directory);
    await sandbox.client.post('/api/v1/projects', { owner, name, url });
    return { directory, commandLine: new CommandLine() };
  };

  beforeAll(async () => {
    sandbox = await Sandbox.start();
    const cases = await goldenCases(names, join(sandbox.directory, 'store.git'));
    for (let n = 0; n < LANES; n += 1) lanes.push(await laneAt(join(sandbox.directory, `golden-${n}`), cases[n]!));
    const last = lanes.map((): Promise<unknown> => Promise.resolve());
    for (const [n, golden] of cases.entries()) {
      const lane = n % LANES;
      const answer = last[lane]!.then(() => answersTo(golden, lanes[lane]!));
      last[lane] = answer.catch(() => undefined);
      answers.set(golden.name, answer);
    }
  }, START_MS);
  afterAll(async () => {
    await Promise.allSettled(answers.values());
    await Promise.all(lanes.map(({ commandLine }) => commandLine.stop()));
    await sandbox.stop();
  }, START_MS);

  it('can be asked for everywhere, but for those that are left out', () => {
    const others = goldenNames().filter((name) => !names.includes(name) && !isOfAnotherWorld(name));
    expect(others).toEqual(Object.keys(LEFT_OUT).toSorted());
  });

  it.each(names)('has the same plan or the same problems: %s', async (name) => {
    const { compiled, commanded, served } = await answers.get(name)!;
    expect(commanded).toEqual(compiled);
    expect(served).toEqual(compiled);
  });
});
