import type { MessagePort } from 'node:worker_threads';
import type { SqliteFailure } from '@foldline/sqlite';
import type { AppendRequest } from './append-request.ts';
import type { AppendReply } from './log-writer.ts';

export type WriterStart = {
  path: string;
  now: string;
  /** How large the log may grow. */
  maximumBytes: number | undefined;
  port: MessagePort;
  /** One Int32: set to 1 and notified when there is something on the port. */
  wake: SharedArrayBuffer;
};

export type ToWriter = { kind: 'append'; requests: AppendRequest[] } | { kind: 'index-categories' } | { kind: 'close' };

export type FromWriter =
  | { kind: 'ready'; storeId: string; epoch: number }
  | { kind: 'replies'; replies: AppendReply[] }
  | { kind: 'indexed' }
  | { kind: 'closed' }
  /** The named appends met a lock of someone else's; nothing of them was stored and the log is well. */
  | { kind: 'busy'; keys: number[]; message: string }
  /** The log cannot be written any more: every unanswered append fails. */
  | { kind: 'broken'; failure: SqliteFailure; message: string };
