import { request as requestHttp, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { Refusal, systemCode, TransientError, type OutboundHttp } from '@foldline/kernel';
import { checkTarget, type Resolve, type Target } from './target.ts';

type Options = {
  allowPrivateTargets: boolean;
  /** Looks a name up; the system does without it. */
  resolve?: Resolve;
};

const MOST_ANSWER_BYTES = 1024 * 1024;
const LATE = 'no answer in time';

/** Connects to checked addresses only, follows no redirect and keeps no connection. */
export const createOutboundHttp = ({ allowPrivateTargets, resolve }: Options): OutboundHttp => ({
  post: async (address, { body, headers, deadlineMs }) => {
    const target = await checkTarget(address, allowPrivateTargets, resolve);
    const deadline = AbortSignal.timeout(deadlineMs);
    const length = String(Buffer.byteLength(body));
    const described = { 'content-type': 'application/json', 'content-length': length, ...headers };
    return new Promise((done) => {
      const request = requestTo(target, { method: 'POST', headers: described, signal: deadline });
      request.on('response', (response: IncomingMessage) => {
        const answer = { status: response.statusCode ?? 0 };
        // Once there is a status nothing else counts.
        request.removeAllListeners('error').on('error', () => done(answer));
        discard(response, () => done(answer));
      });
      request.on('error', (error) => done({ error: deadline.aborted ? LATE : reasonOf(error) }));
      request.end(body);
    });
  },

  get: async (address, { mostBytes, deadlineMs }) => {
    const target = await checkTarget(address, allowPrivateTargets, resolve);
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const response = await answerTo(requestTo(target, { method: 'GET', signal: deadline }));
      return { status: response.statusCode ?? 0, body: await bodyOf(response, mostBytes) };
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new TransientError(deadline.aborted ? LATE : reasonOf(error as Error), { cause: error });
    }
  },
});

const requestTo = (target: Target, { headers, ...options }: RequestOptions): ClientRequest =>
  (target.url.protocol === 'https:' ? requestHttps : requestHttp)(target.url, {
    ...options,
    agent: false,
    lookup: onlyChecked(target),
    headers: { 'user-agent': 'Foldline', ...headers },
  });

/** The name was looked up when the target was checked; asking again could give another answer. */
const onlyChecked =
  ({ addresses }: Target): LookupFunction =>
  (_hostname, options, done) => {
    if (options.all) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };

const answerTo = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end();
  });

const bodyOf = async (response: IncomingMessage, mostBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > mostBytes) throw new Refusal('answer_too_large', `the answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
