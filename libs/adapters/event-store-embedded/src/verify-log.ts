import { DamagedLog } from '@foldline/kernel';
import type { LogReader } from './log-reader.ts';
import type { LogRecord } from './record.ts';

export type Verified = { events: number; streams: number };

/**
 * Walks the whole log and checks every record and link; throws `DamagedLog` at the first that is not as written.
 * Positions have no gaps, so a stream that was taken out as a whole is missed by the count. Only the end of the log could
 * be cut off unseen. What is appended meanwhile is walked or not, and counts for nothing.
 */
export const verifyLog = async (reader: LogReader): Promise<Verified> => {
  reader.verifyStructure();
  const upTo = reader.lastPosition();
  const verified = { events: 0, streams: 0 };
  let counted = 0;
  let last: LogRecord | undefined;
  for (;;) {
    const page: LogRecord[] = reader.verifyPage(last);
    if (page.length === 0) break;
    counted += page.filter(({ position }) => position <= upTo).length;
    verified.events += page.length;
    verified.streams += page.filter(({ revision }) => revision === 0).length;
    last = page.at(-1);
    // Lets the process answer between pages.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (counted === upTo) return verified;
  throw new DamagedLog('*', upTo, `${upTo} events were stored up to here and ${counted} of them are there`);
};
