import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { PORT, Refusal, type Logger } from '@foldline/kernel';
import { WebSocketServer, type WebSocket } from 'ws';
import { AdminToken } from '../http/bearer.guard.ts';
import { OpenStreams } from '../http/open-streams.ts';
import { logProblem, problemOf, type ProblemAnswer } from '../http/problem.filter.ts';
import { PipelineQueries } from '../pipelines/pipeline.queries.ts';
import { JobLogs, type JobLog } from './job-logs.ts';
import { Utf8Chunks } from './utf8-chunks.ts';

const PATH = /^\/ws\/jobs\/([0-9a-z.]{1,80})\/logs$/;
const NUMBER = /^\d{1,15}$/;
const SERVICE_RESTART = 1012;
const NORMAL = 1000;
const FAILED = 1011;
const BEARER_PROTOCOL = 'bearer.';

const protocolsOf = (request: IncomingMessage): string[] =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());

const numberOf = (url: URL, name: string): number | undefined => {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  if (!NUMBER.test(text)) throw new Refusal('invalid_request', `${name} must be a number`);
  return Number(text);
};

/**
 * `/ws/jobs/:id/logs` (S0-63): one text message per piece of log, from `?offset=` on, closed with 1000 when the log is
 * complete. The token comes in `Authorization`, or as `Sec-WebSocket-Protocol: bearer.<token>` from browsers, which
 * cannot set headers; never in the URL, which ends up in logs.
 */
@Injectable()
export class LogSocket {
  private readonly sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: 1024,
    // Browsers insist on the choice of one offered protocol; the token is chosen only when nothing else is offered.
    handleProtocols: (offered) => [...offered].find((name) => !name.startsWith(BEARER_PROTOCOL)) ?? [...offered][0]!,
  });

  constructor(
    @Inject(AdminToken) private readonly token: AdminToken,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(PipelineQueries) private readonly pipelines: PipelineQueries,
    @Inject(JobLogs) private readonly logs: JobLogs,
    @Inject(PORT.logger) private readonly logger: Logger,
  ) {}

  listenOn(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      this.upgrade(request, socket, head).catch((error: unknown) => {
        const problem = problemOf(error, '/ws');
        logProblem(this.logger, problem, error, { method: 'GET' });
        refuse(socket, problem);
      });
    });
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const jobId = PATH.exec(url.pathname)?.[1];
    if (jobId === undefined) throw new Refusal('not_found', 'there is no such socket');
    this.admit(request);
    const job = await this.pipelines.findJob(jobId);
    if (!job) throw new Refusal('not_found', 'there is no such job');
    const log = await this.logs.of(job, numberOf(url, 'attempt'));
    const offset = numberOf(url, 'offset') ?? 0;
    this.sockets.handleUpgrade(request, socket, head, (client) => {
      this.stream(client, log, offset).catch((error: unknown) => {
        this.logger.error({ err: error, jobId }, 'a log could not be streamed');
        client.close(FAILED);
      });
    });
  }

  private admit(request: IncomingMessage): void {
    const { origin, host, authorization } = request.headers;
    // Another site's page must not read logs with a token that a browser keeps for this one (CVE-2024-23898).
    if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host))
      throw new Refusal('foreign_origin', 'the socket was opened from another origin');
    const inProtocol = protocolsOf(request).find((name) => name.startsWith(BEARER_PROTOCOL));
    if (this.token.matchesHeader(authorization) || this.token.matches(inProtocol?.slice(BEARER_PROTOCOL.length)))
      return;
    throw new Refusal('unauthorized', 'this needs the admin token');
  }

  private async stream(client: WebSocket, log: JobLog, offset: number): Promise<void> {
    const ended = new AbortController();
    const remove = this.streams.add(() => {
      client.close(SERVICE_RESTART, 'the server stops');
      ended.abort();
    });
    client.once('close', () => {
      remove();
      ended.abort();
    });
    client.on('error', () => ended.abort());
    const text = new Utf8Chunks();
    for await (const { bytes } of this.logs.follow(log, offset, ended.signal)) {
      const message = text.push(bytes);
      if (message !== '') await send(client, message);
    }
    const rest = text.end();
    if (rest !== '') await send(client, rest);
    if (!ended.signal.aborted) client.close(NORMAL);
  }
}

/** Resolves when the bytes have left: a slow reader is fed slowly. One that is gone is no error. */
const send = (client: WebSocket, message: string): Promise<void> =>
  new Promise((resolve) => client.send(message, () => resolve()));

const refuse = (socket: Duplex, { status, title, ...problem }: ProblemAnswer): void => {
  const body = JSON.stringify({ ...problem, title, status });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};
