import { Inject, Injectable } from '@nestjs/common';
import type { JobDoc } from '@foldline/contracts';
import { PORT, type Clock } from '@foldline/kernel';
import type { FastifyReply } from '../http/fastify.ts';
import { OpenStreams } from '../http/open-streams.ts';
import { sendEvents, type SentEvent } from '../http/server-sent-events.ts';
import { JobLogs, prunedAt } from '../logs/job-logs.ts';
import { Utf8Chunks } from '../logs/utf8-chunks.ts';
import { hasEnded } from './submitted-job-standing.ts';
import { SubmittedJobQueries, type FoundJob } from './submitted-job.queries.ts';

const LOOK_MS = 200;
/** An event's id is the number of the attempt and, in its last twelve digits, a place in that one's log. */
const PLACES = 10 ** 12;

type Place = { attempt: number; offset: number };
type Send = (event: SentEvent) => Promise<void>;

const idOf = ({ attempt, offset }: Place): number => attempt * PLACES + offset;
const placeOf = (id: number): Place => ({ attempt: Math.max(1, Math.floor(id / PLACES)), offset: id % PLACES });
const attemptOf = ({ job }: FoundJob): number => job?.attempt ?? 0;

/** The output of a submitted job as it comes, of one attempt after the other, until no further one follows (S1-09). */
@Injectable()
export class SubmittedJobStream {
  constructor(
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(JobLogs) private readonly logs: JobLogs,
    @Inject(SubmittedJobQueries) private readonly jobs: SubmittedJobQueries,
  ) {}

  /** `after`: the id of the last event that the client has seen. */
  async answer(id: string, after: number | undefined, reply: FastifyReply): Promise<void> {
    await sendEvents(reply, this.streams, this.clock, async (send, signal) => {
      let place = placeOf(after ?? 0);
      while (!signal.aborted) {
        const { job } = await this.jobs.named(id);
        if (job) place = await this.follow(job, place, send, signal);
        if (signal.aborted) return;
        const now = await this.jobs.named(id);
        const { status } = now.standing;
        if (attemptOf(now) > place.attempt) place = { attempt: place.attempt + 1, offset: 0 };
        else if (hasEnded(status)) return send({ event: 'end', data: { status } });
        else await this.clock.sleep(LOOK_MS, signal);
      }
    });
  }

  /** What an attempt writes from a place on; where the next piece would be. */
  private async follow(job: JobDoc, from: Place, send: Send, signal: AbortSignal): Promise<Place> {
    if (from.attempt > Math.max(1, job.attempt) || prunedAt(job, from.attempt) !== undefined) return from;
    const { attempt } = from;
    const text = new Utf8Chunks();
    let { offset } = from;
    for await (const chunk of this.logs.follow(await this.logs.of(job, attempt), offset, signal)) {
      const data = text.push(chunk.bytes);
      const next = chunk.offset + chunk.bytes.length - text.pending;
      if (data !== '')
        await send({ id: idOf({ attempt, offset: next }), event: 'log', data: { attempt, offset, text: data } });
      offset = next;
    }
    const rest = text.end();
    if (rest !== '') await send({ event: 'log', data: { attempt, offset, text: rest } });
    return { attempt, offset };
  }
}
