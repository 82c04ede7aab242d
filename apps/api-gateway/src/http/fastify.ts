import type { AbstractHttpAdapter } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';

type OfAdapter =
  FastifyAdapter extends AbstractHttpAdapter<infer Server, infer Request, infer Reply>
    ? { Server: Server; Request: Request; Reply: Reply }
    : never;

/** Fastify's types, by way of the adapter that brings it: its version is Nest's choice, not ours. */
export type FastifyRequest = OfAdapter['Request'];
export type FastifyReply = OfAdapter['Reply'];
export type FastifyInstance =
  FastifyAdapter extends FastifyAdapter<infer _S, infer _Q, infer _R, infer _Raw, infer _Response, infer Instance>
    ? Instance
    : never;
