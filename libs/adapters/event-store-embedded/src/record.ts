import { hash } from 'node:crypto';
import type { Actor, RecordedEvent } from '@foldline/contracts';
import { DamagedLog } from '@foldline/kernel';
import type { Row } from '@foldline/sqlite';

/** One row of the log, in the form in which it is hashed and stored. */
export type LogRecord = {
  position: number;
  stream: string;
  revision: number;
  id: string;
  type: string;
  version: number;
  /** JSON. */
  data: string;
  causation: string;
  correlation: string;
  /** JSON. */
  actor: string;
  recordedAt: string;
  /** The hash of the stream's record before this one; empty for the first. */
  previousHash: string;
  hash: string;
};

export const COLUMNS =
  'position, stream, revision, id, type, version, data, causation, correlation, actor, recorded_at, prev_hash, hash';

/** SHA-256 over everything else in the record. Each part carries its length, so no two records read the same. */
export const hashOf = (record: Omit<LogRecord, 'hash'>): string => {
  const parts = [
    record.previousHash,
    record.stream,
    record.revision,
    record.position,
    record.id,
    record.type,
    record.version,
    record.data,
    record.causation,
    record.correlation,
    record.actor,
    record.recordedAt,
  ];
  let text = '';
  for (const part of parts) {
    const field = String(part);
    text += `${field.length}:${field}`;
  }
  return hash('sha256', text);
};

/** The record in a row, after checking that it is what was written. */
export const checkedRecord = (row: Row): LogRecord => {
  const record: LogRecord = {
    position: Number(row.position),
    stream: String(row.stream),
    revision: Number(row.revision),
    id: String(row.id),
    type: String(row.type),
    version: Number(row.version),
    data: String(row.data),
    causation: String(row.causation),
    correlation: String(row.correlation),
    actor: String(row.actor),
    recordedAt: String(row.recorded_at),
    previousHash: String(row.prev_hash),
    hash: String(row.hash),
  };
  if (hashOf(record) !== record.hash) throw damaged(record, 'its content does not match its hash');
  return record;
};

/** Checks that a record follows the one before it in the same stream; `undefined` before the first. */
export const checkLink = (record: LogRecord, before: LogRecord | undefined): void => {
  if (record.revision !== (before ? before.revision + 1 : 0)) throw damaged(record, 'the record before it is missing');
  if (record.previousHash !== (before?.hash ?? '')) throw damaged(record, 'it does not continue the record before it');
};

export const toRecordedEvent = (record: LogRecord): RecordedEvent => ({
  type: record.type,
  version: record.version,
  data: JSON.parse(record.data) as unknown,
  id: record.id,
  stream: record.stream,
  revision: record.revision,
  position: record.position,
  causationId: record.causation,
  correlationId: record.correlation,
  actor: JSON.parse(record.actor) as Actor,
  recordedAt: record.recordedAt,
});

const damaged = (record: LogRecord, detail: string): DamagedLog =>
  new DamagedLog(record.stream, record.position, detail);
