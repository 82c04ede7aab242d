import type { LogStore, ObjectStore, ReadStore } from '@foldline/kernel';
import type { Patience } from './patience.ts';

/** What a job needs of the stores: calls that may be repeated, whatever came of an earlier try. */
export type JobObjects = Pick<ObjectStore, 'read' | 'copyToFile' | 'putFile'> & {
  put(content: Buffer): ReturnType<ObjectStore['put']>;
};
export type JobReads = Pick<ReadStore, 'get' | 'query'>;
export type JobLogStore = Pick<LogStore, 'append' | 'finish'>;

export const patientObjects = (objects: JobObjects, patience: Patience): JobObjects => {
  const call = <Value>(work: () => Promise<Value>): Promise<Value> => patience.call('the object store', work);
  return {
    read: (digest) => call(() => objects.read(digest)),
    copyToFile: (...copy) => call(() => objects.copyToFile(...copy)),
    putFile: (...file) => call(() => objects.putFile(...file)),
    put: (content) => call(() => objects.put(content)),
  };
};

export const patientReads = (reads: JobReads, patience: Patience): JobReads => {
  const call = <Value>(work: () => Promise<Value>): Promise<Value> => patience.call('the read store', work);
  return {
    get: (collection, id) => call(() => reads.get(collection, id)),
    query: (collection, query) => call(() => reads.query(collection, query)),
  };
};

/** A frame that is sent again is known by its offset. */
export const patientLogs = (logs: JobLogStore, patience: Patience): JobLogStore => ({
  append: (attemptId, frame) => patience.call('the log store', () => logs.append(attemptId, frame)),
  finish: (attemptId, claim) => logs.finish?.(attemptId, claim),
});
