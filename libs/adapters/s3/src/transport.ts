import http from 'node:http';
import https from 'node:https';
import type { ClientOptions } from 'minio';
import { TransientError } from '@foldline/kernel';

type Transport = NonNullable<ClientOptions['transport']>;

/** Answers that ask to come again. What the client would do about them (one retry, a line on the console) is not wanted. */
const COME_AGAIN = new Set([408, 429, 500, 502, 503, 504]);

export type Wire = { transport: Transport; agent: http.Agent };

export const agentOf = (secure: boolean, maxSockets: number, ca: string | undefined): http.Agent =>
  secure
    ? new https.Agent({ keepAlive: true, maxSockets, noDelay: true, ...(ca === undefined ? {} : { ca }) })
    : new http.Agent({ keepAlive: true, maxSockets, noDelay: true });

/** The answer is an object, whose reader may take its time. */
const isObject = ({ method, path }: https.RequestOptions, { statusCode }: http.IncomingMessage): boolean =>
  method === 'GET' && !path?.includes('?') && (statusCode === 200 || statusCode === 206);

/**
 * A request that gives up when its answer has not come in time. The limit covers waiting for a free connection,
 * connecting and sending. Of an object it is the beginning that must come; that its body stands still later is the
 * reader's to notice.
 */
export const transportOf = (secure: boolean, timeoutMs: number): Transport => {
  const request = ((options: https.RequestOptions, answered: (response: http.IncomingMessage) => void) => {
    const sent = (secure ? https : http).request(options, (response) => {
      if (isObject(options, response)) clearTimeout(limit);
      if (!COME_AGAIN.has(response.statusCode ?? 0)) return answered(response);
      response.resume();
      sent.emit('error', new TransientError(`S3: the server answered ${response.statusCode}`));
    });
    const tooLate = (): void => {
      sent.destroy(new TransientError(`S3: no answer within ${timeoutMs} ms`));
    };
    const limit = setTimeout(tooLate, timeoutMs);
    sent.on('close', () => clearTimeout(limit));
    return sent;
  }) as Transport['request'];
  return { request };
};
