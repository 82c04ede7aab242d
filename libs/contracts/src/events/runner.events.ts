import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { runnerOffer, text } from './shared.schemas.ts';

/** A runner process offers itself; `epoch` is new each time its process starts. */
export const RunnerRegistered = defineEvent(
  'RunnerRegistered',
  1,
  z.object({ runnerId: text, epoch: text, offer: runnerOffer }),
);
export const RunnerLost = defineEvent('RunnerLost', 1, z.object({ runnerId: text, epoch: text, because: text }));
