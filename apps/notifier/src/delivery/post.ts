import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { systemCode } from '@foldline/kernel';
import type { Target } from './target.ts';

/** The status that the receiver answered, or why there was none; in words that name no part of the address. */
export type Answer = { status: number } | { error: string };

const MOST_ANSWER_BYTES = 1024 * 1024;

/**
 * Posts JSON to a checked target. Connects to its checked addresses only, follows no redirect, keeps no connection and
 * is over after `deadlineMs`. Never throws: no answer is an answer too.
 */
export const postJson = (
  target: Target,
  body: string,
  headers: Readonly<Record<string, string>>,
  deadlineMs: number,
): Promise<Answer> =>
  new Promise((resolve) => {
    const deadline = AbortSignal.timeout(deadlineMs);
    const options: RequestOptions = {
      method: 'POST',
      agent: false,
      lookup: onlyChecked(target),
      signal: deadline,
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'Foldline',
        ...headers,
      },
    };
    const send = target.url.protocol === 'https:' ? requestHttps : requestHttp;
    let answer: Answer | undefined;
    const request = send(target.url, options, (response) => {
      const status = (answer = { status: response.statusCode ?? 0 });
      discard(response, () => resolve(status));
    });
    request.on('error', (error) =>
      resolve(answer ?? { error: deadline.aborted ? 'no answer in time' : reasonOf(error) }),
    );
    request.end(body);
  });

/** The name was looked up when the target was checked; asking again could give another answer. */
const onlyChecked =
  ({ addresses }: Target): LookupFunction =>
  (_hostname, options, done) => {
    if (options.all) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };

/** The status is all that counts. What else comes is read so that the receiver can finish, up to a limit. */
const discard = (response: IncomingMessage, done: () => void): void => {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) response.destroy();
  });
  response.on('error', done);
  response.on('close', done);
};

const reasonOf = (error: Error): string => `no connection (${systemCode(error) ?? 'unknown'})`;
