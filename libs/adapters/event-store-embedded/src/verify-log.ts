import type { LogReader } from './log-reader.ts';
import type { LogRecord } from './record.ts';

export type Verified = { events: number; streams: number };

/** Walks the whole log and checks every record and link; throws `DamagedLog` at the first that is not as written. */
export const verifyLog = async (reader: LogReader): Promise<Verified> => {
  reader.verifyStructure();
  const verified = { events: 0, streams: 0 };
  let last: LogRecord | undefined;
  for (;;) {
    const page: LogRecord[] = reader.verifyPage(last);
    if (page.length === 0) return verified;
    verified.events += page.length;
    verified.streams += page.filter(({ revision }) => revision === 0).length;
    last = page.at(-1);
    // Lets the process answer between pages.
    await new Promise((resolve) => setImmediate(resolve));
  }
};
