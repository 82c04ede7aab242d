import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { digest, text } from './shared.schemas.ts';

/** A client named its request, so that repeating it changes nothing. The digest tells a repetition from a mistake. */
export const IdempotencyKeyUsed = defineEvent(
  'IdempotencyKeyUsed',
  1,
  z.object({ requestId: text, operation: text, bodyDigest: digest }),
);
