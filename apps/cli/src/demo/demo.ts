import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pc from 'picocolors';
import { ApiError, startServerProcess, until, type ServerProcess } from '@foldline/client';
import { createRepository } from './repository.ts';

import { watchPipeline, type PipelineAnswer } from './watch-pipeline.ts';

const PROJECT = 'demo/shop';
const DEPLOYED_MS = 5000;
const POLL_MS = 20;
const say = (line = ''): void => console.log(line);
const heading = (text: string): void => say(`\n${pc.bold(text)}`);

/**
 * Takes a push to a real git repository through the whole system: planned, run as real processes, logged, deployed by
 * hand, explained from its events and rebuilt from the log. Answers with the exit code.
 */
export const demo = async (dataDirectory: string, verify: () => Promise<boolean>): Promise<number> => {
  const server = await startServerProcess(dataDirectory);
  let succeeded = false;
  try {
    succeeded = await tour(server);
  } finally {
    await server.stop();
  }
  heading('Every read model, rebuilt from the log and compared byte for byte');
  const equal = await verify();
  say(
    `\n${succeeded && equal ? pc.green('The demo went as it should.') : pc.red('The demo did not go as it should.')}`,
  );
  say(`${pc.bold('npm start')} serves what it left in ${dataDirectory}.`);
  return succeeded && equal ? 0 : 1;
};

const tour = async (server: ServerProcess): Promise<boolean> => {
  const { client } = server;
  heading('A repository with a hook, registered as a project');
  const repository = createRepository(join(server.dataDirectory, 'demo'), {
    url: new URL('/v1/webhooks/github', client.connection.url).href,
    secret: server.webhookSecret,
  });
  await register(server, repository.bare);
  say(`  ${PROJECT} is ${repository.bare}`);

  const first = await pushAndWatch(server, repository.push('Open the shop'), 'git push: the first pipeline');
  await showLog(server, jobNamed(first, 'smoke'), 'The log of the job that failed once');
  await showWhy(server, jobNamed(first, 'smoke'));
  const deployed = await playDeploy(server, first);
  const second = await pushAndWatch(
    server,
    repository.push('Say hello', 'Hello.'),
    'git push again: the cache is there',
  );
  await timeTravel(server, first);
  return [first, second, deployed].every(({ status }) => status === 'success');
};

const register = async ({ client }: ServerProcess, url: string): Promise<void> => {
  const [owner, name] = PROJECT.split('/');
  try {
    await client.post('/api/v1/projects', { owner, name, url });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'project_exists') throw error;
  }
};

const pushAndWatch = async (
  { client }: ServerProcess,
  pushed: { sha: string; output: string },
  title: string,
): Promise<PipelineAnswer> => {
  heading(title);
  for (const line of pushed.output.trim().split('\n')) say(`  ${pc.dim(line)}`);
  const pipeline = await until(`a pipeline of the push of ${pushed.sha}`, async () => {
    const { items } = await client.get<{ items: { id: string; sha: string }[] }>(`/api/${PROJECT}/pipelines?limit=20`);
    return items.find(({ sha }) => sha === pushed.sha);
  });
  return watchPipeline(client, PROJECT, pipeline.id, 0, say);
};

const jobNamed = (pipeline: PipelineAnswer, name: string): string => {
  const job = pipeline.jobs.find((candidate) => candidate.name === name);
  if (!job) throw new Error(`pipeline ${pipeline.id} has no job ${name}`);
  return job.id;
};

const showLog = async ({ client }: ServerProcess, jobId: string, title: string): Promise<void> => {
  heading(title);
  for (const attempt of [1, 2]) {
    const text = await client.text(`/api/${PROJECT}/jobs/${jobId}/logs?attempt=${attempt}`);
    for (const line of text.trimEnd().split('\n')) say(`  ${pc.dim(`${attempt} │`)} ${line}`);
  }
};

const showWhy = async ({ client }: ServerProcess, jobId: string): Promise<void> => {
  heading('Why did it run twice? The events answer');
  type Why = {
    sentence: string;
    decisions: { position: number; event: string; because: { rule: string; detail: string } }[];
  };
  const why = await client.get<Why>(`/api/${PROJECT}/jobs/${jobId}/why`);
  say(`  ${why.sentence}`);
  for (const { position, event, because } of why.decisions) {
    say(`  ${pc.dim(String(position).padStart(5))}  ${event.padEnd(14)} ${because.rule}: ${because.detail}`);
  }
};

const playDeploy = async (server: ServerProcess, pipeline: PipelineAnswer): Promise<PipelineAnswer> => {
  const { client } = server;
  heading('A person plays the manual deployment');
  const jobId = jobNamed(pipeline, 'deploy');
  const { position } = await client.post<{ position: number }>(`/api/${PROJECT}/jobs/${jobId}/play`);
  const result = await watchPipeline(client, PROJECT, pipeline.id, position, say);
  const { name, current } = await deployedEnvironment(server, pipeline.sha);
  say(`  environment ${name} runs ${current.sha.slice(0, 8)} ${current.url ?? ''}`);
  return result;
};

type Environment = { name: string; current?: { sha: string; url?: string } };

/** The deployer hears of the job's success as everybody does; its record follows a moment later. */
const deployedEnvironment = async ({ client }: ServerProcess, sha: string): Promise<Required<Environment>> => {
  const deadline = Date.now() + DEPLOYED_MS;
  while (Date.now() < deadline) {
    const { items } = await client.get<{ items: Environment[] }>(`/api/${PROJECT}/environments`);
    const [environment] = items;
    if (environment?.current?.sha === sha) return environment as Required<Environment>;
    await sleep(POLL_MS);
  }
  throw new Error('the deployment was not recorded');
};

const timeTravel = async ({ client }: ServerProcess, pipeline: PipelineAnswer): Promise<void> => {
  heading('The first pipeline as it was when its first test ended');
  type Events = { items: { type: string; position: number; data: { jobId?: string } }[] };
  const { items } = await client.get<Events>(`/api/${PROJECT}/pipelines/${pipeline.id}/events?limit=200`);
  const tests = new Set(pipeline.jobs.filter(({ stage }) => stage === 'test').map(({ id }) => id));
  const moment = items.find(({ type, data }) => type === 'JobSucceeded' && tests.has(data.jobId ?? ''));
  if (!moment) throw new Error(`no test of pipeline ${pipeline.id} has succeeded`);
  const then = await client.get<PipelineAnswer>(`/api/${PROJECT}/pipelines/${pipeline.id}?at=${moment.position}`);
  say(`  at ${moment.position}: ${then.jobs.map(({ name, status }) => `${name} ${status}`).join(', ')}`);
};
