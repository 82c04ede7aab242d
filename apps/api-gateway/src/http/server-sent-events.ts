import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from './fastify.ts';
import type { OpenStreams } from './open-streams.ts';
import { invalidRequest } from './validation.pipe.ts';

const HEARTBEAT_MS = 15_000;

/** Writes and waits while the client does not read: a slow one is fed slowly and costs no memory. */
export const writeAll = async (
  response: ServerResponse,
  chunk: string | Buffer,
  signal: AbortSignal,
): Promise<void> => {
  if (signal.aborted || response.write(chunk)) return;
  await once(response, 'drain', { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
};

/** Gives the answer to us, until the client goes away or the server stops; then the signal aborts. */
export const takeOver = (
  reply: FastifyReply,
  streams: OpenStreams,
  headers: Record<string, string>,
): AbortController => {
  const ended = new AbortController();
  reply.hijack();
  const inherited = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined);
  reply.raw.writeHead(200, { ...(Object.fromEntries(inherited) as Record<string, string>), ...headers });
  reply.raw.flushHeaders();
  const remove = streams.add(() => ended.abort());
  reply.raw.once('close', () => {
    remove();
    ended.abort();
  });
  return ended;
};

export type SentEvent = { id?: number; event?: string; data: unknown };

const encode = ({ id, event, data }: SentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

/**
 * Answers with server-sent events (WHATWG HTML 9.2) that `produce` sends until it returns or the signal aborts.
 * A comment every 15 seconds keeps proxies from closing a silent connection.
 */
export const sendEvents = async (
  reply: FastifyReply,
  streams: OpenStreams,
  clock: Clock,
  produce: (send: (event: SentEvent) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const ended = takeOver(reply, streams, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  const beating = heartbeat(reply.raw, clock, ended.signal);
  try {
    await produce((event) => writeAll(reply.raw, encode(event), ended.signal), ended.signal);
  } finally {
    ended.abort();
    await beating;
    reply.raw.end();
  }
};

const heartbeat = async (response: ServerResponse, clock: Clock, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await clock.sleep(HEARTBEAT_MS, signal);
    if (!signal.aborted) response.write(': still here\n\n');
  }
};

/** The last event that the client saw, when it says so: a number that our own ids are made of. */
export const lastEventId = (request: FastifyRequest): number | undefined => {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return undefined;
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given);
  throw invalidRequest([{ pointer: '/Last-Event-ID', message: 'Last-Event-ID must be an id that was sent' }]);
};

export const wantsEvents = (request: FastifyRequest): boolean =>
  (request.headers.accept ?? '').includes('text/event-stream');
