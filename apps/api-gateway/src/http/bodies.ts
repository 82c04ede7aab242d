import { Refusal } from '@foldline/kernel';
import type { FastifyInstance, FastifyRequest } from './fastify.ts';

export const BODY_LIMIT_BYTES = 5 * 1024 * 1024;
export const MAX_JSON_DEPTH = 50;
export const WEBHOOK_PREFIX = '/v1/webhooks/';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** True when arrays and objects lie in each other deeper than allowed; linear, and before any parser sees the text. */
export const nestsTooDeep = (json: Buffer, limit = MAX_JSON_DEPTH): boolean => {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]!;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (CLOSING.has(byte)) depth -= 1;
  }
  return false;
};

export const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** JSON without keys that could reach the prototypes of objects. Throws `Refusal` of code `malformed_json`. */
export const parseJson = (bytes: Buffer): unknown => {
  if (nestsTooDeep(bytes)) throw new Refusal('malformed_json', `the body is nested more than ${MAX_JSON_DEPTH} deep`);
  try {
    return JSON.parse(bytes.toString('utf8'), (key: string, value: unknown) => {
      if (FORBIDDEN_KEYS.has(key))
        throw new Refusal('malformed_json', `the body has the key ${key}, which is not allowed`);
      return value;
    });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('malformed_json', 'the body is not valid JSON');
  }
};

/**
 * JSON is the only body there is. A webhook's stays as it came: its signature covers the bytes, and nothing is
 * parsed before that is checked. Nor is what comes from strangers: they are refused for being that.
 */
export const readBodies = (server: FastifyInstance, isStranger: (request: FastifyRequest) => boolean): void => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    if (request.url.startsWith(WEBHOOK_PREFIX)) return done(null, bytes);
    if (bytes.length === 0 || isStranger(request)) return done(null, undefined);
    try {
      done(null, parseJson(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
};
