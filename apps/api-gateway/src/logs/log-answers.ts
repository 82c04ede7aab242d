import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { JobDoc } from '@foldline/contracts';
import { PORT, Refusal, type Clock } from '@foldline/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { OpenStreams } from '../http/open-streams.ts';
import { lastEventId, sendEvents, takeOver, wantsEvents, writeAll } from '../http/server-sent-events.ts';
import { byteRange } from './byte-range.ts';
import { JobLogs, type JobLog } from './job-logs.ts';
import { Utf8Chunks } from './utf8-chunks.ts';

export class LogQuery {
  /** The current attempt when absent. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1000)
  attempt?: number;

  /** First byte wanted. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  offset?: number;

  @IsOptional()
  @IsIn(['true', 'false'])
  follow?: 'true' | 'false';
}

const TEXT = 'text/plain; charset=utf-8';

/** The log of a job as an answer: as it is, as it grows, or as server-sent events. */
@Injectable()
export class LogAnswers {
  constructor(
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(JobLogs) private readonly logs: JobLogs,
  ) {}

  async answer(job: JobDoc, query: LogQuery, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const log = await this.logs.of(job, query.attempt);
    if (wantsEvents(request)) return this.sendEvents(log, lastEventId(request) ?? query.offset ?? 0, reply);
    if (query.follow === 'true') return this.follow(log, query.offset ?? 0, reply);
    this.send(log, query.offset, request, reply);
  }

  private send(log: JobLog, offset: number | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const range = byteRange(request.headers.range, log.bytes);
    if (range === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${log.bytes}`);
      throw new Refusal('range_not_satisfiable', `the log has ${log.bytes} bytes`);
    }
    const start = range?.start ?? Math.min(offset ?? 0, log.bytes);
    const end = range?.end ?? log.bytes;
    if (range) void reply.status(206).header('content-range', `bytes ${start}-${end - 1}/${log.bytes}`);
    void reply
      .headers({ 'accept-ranges': 'bytes', 'x-log-complete': String(log.ended), 'content-length': String(end - start) })
      .type(TEXT)
      .send(Readable.from(this.bytes(log, start, end), { objectMode: false }));
  }

  private async *bytes(log: JobLog, start: number, end: number): AsyncGenerator<Buffer> {
    for await (const { bytes } of this.logs.read(log, start, end)) yield bytes;
  }

  private async follow(log: JobLog, start: number, reply: FastifyReply): Promise<void> {
    const ended = takeOver(reply, this.streams, { 'content-type': TEXT, 'cache-control': 'no-store' });
    for await (const { bytes } of this.logs.follow(log, start, ended.signal))
      await writeAll(reply.raw, bytes, ended.signal);
    reply.raw.end();
  }

  private async sendEvents(log: JobLog, start: number, reply: FastifyReply): Promise<void> {
    await sendEvents(reply, this.streams, this.clock, async (send, signal) => {
      const text = new Utf8Chunks();
      let offset = start;
      for await (const chunk of this.logs.follow(log, start, signal)) {
        const data = text.push(chunk.bytes);
        const next = chunk.offset + chunk.bytes.length - text.pending;
        if (data !== '') await send({ id: next, event: 'log', data: { offset, text: data } });
        offset = next;
      }
      const rest = text.end();
      if (rest !== '') await send({ event: 'log', data: { offset, text: rest } });
      if (!signal.aborted) await send({ event: 'end', data: { offset } });
    });
  }
}
