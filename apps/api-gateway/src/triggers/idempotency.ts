import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { COMMANDS, derivedId, PORT, type Cause, type Commands, type Ids } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { invalidRequest } from '../http/validation.pipe.ts';
import { idempotencyDecider } from './idempotency.decider.ts';

/** Who acts through the admin token. */
export const ADMIN = { kind: 'user', id: 'admin' } as const;
const KEY = /^[\x21-\x7e]{1,255}$/;

export type RequestId = {
  /** The same for every repetition of a request with the same key. */
  id: string;
  cause: Cause;
  keyed: boolean;
};
/** `fresh: false`: the answer is that of an earlier request. */
export type Done<Answer> = { answer: Answer; fresh: boolean };

const sortedKeys = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

const digestOf = (body: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(body, sortedKeys) ?? '')
    .digest('hex');

/**
 * `Idempotency-Key` of a POST that makes something. The key is kept in the log before the work begins, and the work's
 * events get ids that follow from it: repeating the request after any crash finishes it once, and a repetition of a
 * finished one changes nothing.
 */
@Injectable()
export class Idempotency {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.ids) private readonly ids: Ids,
  ) {}

  /** Does the work under the request's id. `operation` keeps equal keys of different routes apart. */
  async once<Answer>(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: string,
    work: (request: RequestId) => Promise<Done<Answer>>,
  ): Promise<Answer> {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return (await work(this.unnamed())).answer;
    if (typeof key !== 'string' || !KEY.test(key))
      throw invalidRequest([{ pointer: '/Idempotency-Key', message: 'a key has 1 to 255 visible ASCII characters' }]);
    const requestId = derivedId('request', operation, key);
    const bodyDigest = digestOf(request.body);
    const used = await this.commands.handle(
      `access-${requestId}`,
      idempotencyDecider,
      { type: 'UseIdempotencyKey', requestId, operation, bodyDigest },
      { id: `key:${requestId}:${bodyDigest}`, actor: ADMIN },
    );
    const { answer, fresh } = await work({
      id: requestId,
      cause: { id: `key:${requestId}`, actor: ADMIN },
      keyed: true,
    });
    if (used.events.length === 0 && !fresh) void reply.header('idempotent-replayed', 'true');
    return answer;
  }

  /** A request that is nobody's repetition. */
  unnamed(): RequestId {
    const id = this.ids.next();
    return { id, cause: { id: `request:${id}`, actor: ADMIN }, keyed: false };
  }
}
