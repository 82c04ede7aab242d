import { Inject, Injectable } from '@nestjs/common';
import {
  artifactStream,
  attemptIdOf,
  attemptStream,
  cacheStream,
  COLLECTION,
  deploymentStream,
  logStream,
  notificationStream,
  pipelineStream,
  planStream,
  triggerStream,
  type ArtifactUploaded,
  type CacheUploaded,
  type JobAssigned,
  type JobDoc,
  type PipelineDoc,
  type RecordedEvent,
  type StreamName,
} from '@foldline/contracts';
import { DocumentFold, PORT, type EventStore, type ReadStore } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';

const PAGE = 1000;
const AT_ONCE = 16;
const LINKED = 1000;

const attemptsIn = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) => {
    if (event.type !== 'JobAssigned') return [];
    const { jobId, attempt } = event.data as ReturnType<typeof JobAssigned>['data'];
    return [attemptIdOf(jobId, attempt)];
  });

const uploadsIn = (events: readonly RecordedEvent[]): StreamName[] =>
  events.flatMap((event) => {
    if (event.type === 'ArtifactUploaded')
      return [artifactStream((event.data as ReturnType<typeof ArtifactUploaded>['data']).artifactId)];
    if (event.type === 'CacheUploaded')
      return [cacheStream((event.data as ReturnType<typeof CacheUploaded>['data']).cacheId)];
    return [];
  });

/** Everything that the log says about one pipeline, from all the streams that tell a part of it. */
@Injectable()
export class PipelineHistory {
  constructor(
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.readStore) private readonly reads: ReadStore,
  ) {}

  /** In the order of the log. */
  async events(pipelineId: string): Promise<RecordedEvent[]> {
    const own = await this.readAll([triggerStream(pipelineId), planStream(pipelineId), pipelineStream(pipelineId)]);
    const attempts = attemptsIn(own);
    const attempted = await this.readAll(attempts.flatMap((id) => [attemptStream(id), logStream(id)]));
    const linked = [...new Set(uploadsIn(attempted)), ...(await this.effects(pipelineId))];
    const followed = (await this.readAll(linked)).filter(({ correlationId, data }) => {
      // A cache's stream lives on after this pipeline.
      return correlationId === pipelineId || (data as { pipelineId?: unknown }).pipelineId === pipelineId;
    });
    return [...own, ...attempted, ...followed].toSorted((a, b) => a.position - b.position);
  }

  /** The documents as they were when the moment had come: its position, or its time, included. */
  async at(
    pipelineId: string,
    moment: (event: RecordedEvent) => boolean,
  ): Promise<{ pipeline?: PipelineDoc; jobs: JobDoc[] }> {
    const fold = new DocumentFold(READ_MODELS);
    for (const event of await this.events(pipelineId)) {
      if (moment(event)) fold.apply(event);
    }
    const pipeline = fold.documents.get(COLLECTION.pipelines)!.get(pipelineId) as PipelineDoc | undefined;
    const jobs = [...fold.documents.get(COLLECTION.jobs)!.values()] as JobDoc[];
    return { ...(pipeline ? { pipeline } : {}), jobs: jobs.toSorted((a, b) => a.index - b.index) };
  }

  private async effects(pipelineId: string): Promise<StreamName[]> {
    const query = { index: 'byPipeline', prefix: `${pipelineId}/`, limit: LINKED };
    const [deployments, notifications] = await Promise.all([
      this.reads.query<{ id: string }>(COLLECTION.deployments, query),
      this.reads.query<{ id: string }>(COLLECTION.notifications, query),
    ]);
    return [
      ...deployments.items.map(({ id }) => deploymentStream(id)),
      ...notifications.items.map(({ id }) => notificationStream(id)),
    ];
  }

  private async readAll(streams: readonly StreamName[]): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (let at = 0; at < streams.length; at += AT_ONCE) {
      const read = await Promise.all(streams.slice(at, at + AT_ONCE).map((stream) => this.read(stream)));
      for (const page of read) for (const event of page) events.push(event);
    }
    return events;
  }

  private async read(stream: StreamName): Promise<RecordedEvent[]> {
    const events = await this.store.readStream(stream, 0, PAGE);
    for (let page = events; page.length === PAGE;) {
      page = await this.store.readStream(stream, events.at(-1)!.revision + 1, PAGE);
      for (const event of page) events.push(event);
    }
    return events;
  }
}
