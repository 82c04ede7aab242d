import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError, Refusal, type EventStore } from '@foldline/kernel';
import { LogReader } from './log-reader.ts';
import { verifyLog, type Verified } from './verify-log.ts';

export type EventLogForReading = EventStore & { verify: () => Promise<Verified> };

/** The log of a data directory for looking only: takes no lock, so a server may be running on it. */
export const openEventLogForReading = ({ directory }: { directory: string }): EventLogForReading => {
  const path = join(directory, 'events.db');
  if (!existsSync(path)) throw new Refusal('no_event_log', `there is no event log in ${directory}`);
  const reader = new LogReader(path);
  const refuse = async (): Promise<never> => {
    throw new PermanentError('this log was opened for reading');
  };
  return {
    append: refuse,
    follow: refuse,
    readStream: async (stream, fromRevision = 0, limit) => reader.stream(stream, fromRevision, limit),
    readAll: async (query) => reader.all(query),
    lastPosition: async () => reader.lastPosition(),
    verify: () => verifyLog(reader),
    close: async () => reader.close(),
  };
};
