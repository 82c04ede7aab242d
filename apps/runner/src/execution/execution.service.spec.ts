import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AttemptFinished,
  AttemptStarted,
  JobAssigned,
  attemptStream,
  pipelineStream,
  type PlannedJob,
  type RecordedEvent,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import { Commands, type Settings } from '@foldline/kernel';
import { plannedJob, sampleContext } from '@foldline/testing';
import { Workspaces } from '../workspace/workspaces.ts';
import type { Assigned } from './attempt-execution.ts';
import { attemptDecider } from './attempt.decider.ts';
import { ExecutionService } from './execution.service.ts';

const ATTEMPT = 'p1.0.1';
const OFFER = {
  cluster: { id: 'one', power: 'high-power' },
  cpu: 1,
  memoryBytes: 1,
  diskBytes: 1,
  slots: 1,
  executors: ['process'],
} as const;

let directory: string;
let embedded: EmbeddedPorts;
let runner: ExecutionService;
let assigned: Assigned;

const commands = () => new Commands(embedded.ports.eventStore, embedded.ports.clock, 'runner');

const openRunner = async (): Promise<void> => {
  const settings = {
    dataDirectory: join(directory, 'data'),
    logLevel: 'silent',
    runners: [{ id: 'one', offer: OFFER }],
  } as unknown as Settings;
  mkdirSync(settings.dataDirectory, { recursive: true });
  embedded = await openEmbeddedPorts(settings, []);
  const { ports } = embedded;
  const workspaces = new Workspaces({ directory: settings.dataDirectory, repositories: ports.sourceRepository });
  runner = new ExecutionService(commands(), ports, workspaces, ports.settings);
};

const commitOf = (repository: string): string => {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  mkdirSync(repository);
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(repository, 'README.md'), 'shop\n');
  git('add', '--all');
  git('-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', 'commit', '--quiet', '-m', 'shop');
  return git('rev-parse', 'HEAD');
};

const assign = async (more: Partial<PlannedJob> = {}): Promise<void> => {
  const repository = join(directory, 'repository');
  const sha = commitOf(repository);
  const context = { ...sampleContext, sha, project: { ...sampleContext.project, url: repository } };
  const event = JobAssigned({
    pipelineId: 'p1',
    jobId: 'p1.0',
    attempt: 1,
    runnerId: 'one',
    cluster: OFFER.cluster,
    job: plannedJob(0, 'build', { steps: [{ name: 'script', kind: 'shell', commands: ['echo built'] }], ...more }),
    context,
    pipelineVariables: {},
    artifactJobs: [],
    because: { rule: 'cluster', detail: 'free', jobs: [] },
  });
  const about = { causationId: 'test', correlationId: 'p1', actor: { kind: 'system', id: 'test' } } as const;
  const stored = await embedded.ports.eventStore.append(
    pipelineStream('p1'),
    [{ ...event, ...about, id: 'assigned' }],
    -1,
  );
  assigned = stored.events[0] as Assigned;
};

/** What an earlier process had recorded of the attempt before it died. */
const recordedBefore = async (...facts: ('started' | 'finished')[]): Promise<void> => {
  const attempt = { attemptId: ATTEMPT, pipelineId: 'p1', jobId: 'p1.0', attempt: 1, runnerId: 'one' };
  const started = AttemptStarted({ ...attempt, executor: 'process' });
  const finished = AttemptFinished({ ...attempt, outcome: 'success', durationMs: 1, commits: [] });
  const cause = { id: 'earlier', actor: { kind: 'runner', id: 'one' } } as const;
  const stream = attemptStream(ATTEMPT);
  await commands().handle(stream, attemptDecider, { type: 'StartAttempt', started }, cause);
  if (facts.includes('finished'))
    await commands().handle(stream, attemptDecider, { type: 'FinishAttempt', facts: [], finished }, cause);
};

const eventsOf = (attemptId: string): Promise<RecordedEvent[]> =>
  embedded.ports.eventStore.readStream(attemptStream(attemptId), 0);
const directories = (): string[] => readdirSync(join(directory, 'data/runners/jobs'));
/** Resolves when everything that the runner does is done. */
const idle = () => runner.beforeApplicationShutdown();

describe('a runner', () => {
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'foldline-runner-'));
    await openRunner();
  });
  afterEach(async () => {
    await idle();
    await embedded.close();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('that is given a job which an earlier process has finished', () => {
    it('does not run it again and leaves no directory behind', async () => {
      await assign();
      await recordedBefore('started', 'finished');

      await runner.accept(assigned);

      expect((await eventsOf(ATTEMPT)).map(({ type }) => type)).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(directories()).toEqual([]);
    });
  });
});
