import { createHmac } from 'node:crypto';

/**
 * Headers that let the receiver check who sent the body and when (Standard Webhooks, symmetric `v1`): HMAC-SHA256
 * over `id.timestamp.body`. The id stays the same when a message is sent again.
 */
export const signatureHeaders = (key: Buffer, id: string, at: string, body: string): Record<string, string> => {
  const timestamp = String(Math.floor(Date.parse(at) / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
};
