import pc from 'picocolors';
import type { JobDoc, PipelineDoc } from '@foldline/contracts';
import type { ApiClient } from '@foldline/client';

export type PipelineAnswer = Pick<PipelineDoc, 'id' | 'status' | 'ref' | 'sha' | 'problems'> & {
  jobs: Pick<JobDoc, 'id' | 'name' | 'stage' | 'status' | 'attempt' | 'exitCode' | 'reason'>[];
};

const ENDED = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped']);
const TOLD: Readonly<Record<string, (data: Record<string, unknown>) => string | undefined>> = {
  PipelinePlanned: () => 'planned',
  PlanRejected: () => pc.red('the definition was refused'),
  JobAssigned: (data) => `started on ${String(data['runnerId'])}${attempt(data)}`,
  CacheRestored: (data) => `cache ${String(data['result'])}${data['files'] ? ` (${String(data['files'])} files)` : ''}`,
  JobFailed: (data) => pc.red(`failed: ${String(data['reason'])}${data['final'] ? '' : ', another attempt follows'}`),
  JobSucceeded: () => pc.green('succeeded'),
  JobSkipped: () => pc.dim('skipped'),
  JobHeld: () => pc.yellow('waits for a person'),
  ArtifactCommitted: (data) =>
    `artifact ${String(data['name'])}: ${String(data['files'])} files, ${String(data['bytes'])} bytes`,
  PipelineFinished: (data) => pc.bold(`pipeline ${String(data['status'])}`),
};

const attempt = (data: Record<string, unknown>): string =>
  data['attempt'] === 1 ? '' : `, attempt ${String(data['attempt'])}`;

/** Tells each event of one pipeline as it is recorded, until the pipeline has ended; answers with its final state. */
export const watchPipeline = async (
  client: ApiClient,
  project: string,
  pipelineId: string,
  after: number,
  say: (line: string) => void,
): Promise<PipelineAnswer> => {
  const done = new AbortController();
  const names = new Map<string, string>();
  try {
    for await (const event of eventsOf(client, pipelineId, after, done.signal)) {
      if (event.type === 'PipelineStarted') nameJobs(event.data, pipelineId, names);
      const told = TOLD[event.type]?.(event.data);
      const job = names.get(String(event.data['jobId'])) ?? '';
      if (told) say(`  ${pc.dim(String(event.position).padStart(5))}  ${job.padEnd(14)} ${told}`);
      if (event.type === 'PipelineFinished' || event.type === 'PlanRejected') break;
    }
  } finally {
    done.abort();
  }
  for (;;) {
    const pipeline = await client.get<PipelineAnswer>(`/api/${project}/pipelines/${pipelineId}`);
    if (ENDED.has(pipeline.status)) return pipeline;
  }
};

type FeedEvent = { type: string; position: number; data: Record<string, unknown> };

async function* eventsOf(
  client: ApiClient,
  pipelineId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent> {
  for await (const line of client.lines(
    `/api/v1/events?after=${after}&pipeline=${pipelineId}`,
    'text/event-stream',
    signal,
  )) {
    if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as FeedEvent;
  }
}

const nameJobs = (data: Record<string, unknown>, pipelineId: string, names: Map<string, string>): void => {
  const { jobs } = data['plan'] as { jobs: { index: number; name: string }[] };
  for (const { index, name } of jobs) names.set(`${pipelineId}.${index}`, name);
};
