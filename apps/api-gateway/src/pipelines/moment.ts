import type { RecordedEvent } from '@foldline/contracts';
import { invalidRequest } from '../http/validation.pipe.ts';

/** A position, or a time of RFC 3339. */
export const MOMENT = /^(?:\d{1,15}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))$/;

const CLOCK = /T(?:[01]\d|2[0-3]):/;

/** JavaScript takes 30 February for 2 March, and 24:00 for the next day. */
const timeOf = (text: string): number => {
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  const exists = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return exists && CLOCK.test(text) ? Date.parse(text) : Number.NaN;
};

/** Whether an event had happened by then. Throws a `Refusal` for a time that the calendar does not have. */
export const hadHappened = (at: string): ((event: RecordedEvent) => boolean) => {
  if (/^\d+$/.test(at)) return ({ position }) => position <= Number(at);
  const time = timeOf(at);
  if (Number.isNaN(time)) throw invalidRequest([{ pointer: '/at', message: `there is no time ${at}` }]);
  return ({ recordedAt }) => Date.parse(recordedAt) <= time;
};
