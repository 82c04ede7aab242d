import { v5 } from 'uuid';

const NAMESPACE = 'b7a3c1de-5c1f-4a52-9a53-6f6f6c64696e';

/**
 * The id of the n-th event that one command makes because of one cause. Deciding the same again makes the same ids,
 * which is how a repeated delivery or a repeated append is recognised (UUIDv5, RFC 9562).
 */
export const eventId = (causeId: string, stream: string, command: string, n: number): string =>
  v5(`${causeId}:${stream}:${command}:${n}`, NAMESPACE);

/** An id that follows from names alone: the same names, the same id; 26 characters, safe wherever an id is used. */
export const derivedId = (...names: string[]): string =>
  v5(names.join('\u0000'), NAMESPACE).replaceAll('-', '').slice(0, 26);
