import { createHmac, timingSafeEqual } from 'node:crypto';

const SIGNATURE = /^sha256=([0-9a-f]{64})$/;

/** GitHub's `X-Hub-Signature-256`: HMAC-SHA256 over the bytes as they came (S2-30). Constant time; an empty secret signs nothing. */
export const isSigned = (body: Buffer, header: unknown, secret: string): boolean => {
  const given = typeof header === 'string' ? SIGNATURE.exec(header)?.[1] : undefined;
  if (given === undefined || secret === '') return false;
  return timingSafeEqual(Buffer.from(given, 'hex'), createHmac('sha256', secret).update(body).digest());
};
