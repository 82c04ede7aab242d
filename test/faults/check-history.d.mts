import type { RecordedEvent } from '@foldline/contracts';

/** A request that the server acknowledged, with what it answered. */
export type Acknowledged = {
  kind: 'project' | 'subscription' | 'trigger' | 'webhook' | 'cancel' | 'retry' | 'play';
  key: string;
  pipelineId?: string;
  jobId?: string;
  answer: { id?: string; pipelines?: string[] };
};
export type SideLine = { text: string; number: number; at: number };
export type StoredLog = { bytes: Buffer; sealed: boolean };

/** Everything that a run left behind: what was recorded, kept, shown and promised, and what the jobs wrote themselves. */
export type History = {
  events: RecordedEvent<string, Record<string, unknown>>[];
  requests: Acknowledged[];
  logs: Map<string, StoredLog>;
  side: Map<string, SideLine[]>;
  seen: { attemptId: string; offset: number; bytes: Buffer; complete: boolean }[];
  trees: { id: string; manifestDigest: string }[];
  objects: (digest: string) => Buffer | undefined;
  /** Ids of notifications as they arrived, each as often as it did. */
  received: string[];
  replay: { failure?: string; differences: string[] };
  parked: { group: string; key: string; eventType: string; error: string }[];
  checkpoints: Record<string, number>;
  lastPosition: number;
  leftovers: { processes: { pid: number; command: string }[]; directories: string[] };
  server: { internalErrors: string[]; unexpectedEnds: string[] };
  /** Where runners work under leases: when their processes were stopped, in ms since 1970. */
  pauses?: { runnerId: string; from: number; to: number }[];
  /** How long after it was lost a runner may still be killing what it had started, in ms; for ever when absent. */
  graceMs?: number;
  /** Whether a job may have failed so, at this position in the log. */
  plannedFailures: (failure: Record<string, unknown>, position: number) => boolean;
};

export const CHECKS: Record<string, (history: History) => string[]>;
export type Violation = { rule: string; message: string };
export function checkWith<Checked extends History>(
  checks: Record<string, (history: Checked) => string[]>,
  history: Checked,
): Violation[];
export function checkHistory(history: History): Violation[];
