import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { REPORT_LISTS, SCAN_KINDS } from '../reports.ts';
import { count, digest, text } from './shared.schemas.ts';

/** What reports are about, besides the attempt that made them. */
const reported = {
  attemptId: text,
  pipelineId: text,
  jobId: text,
  attempt: z.number().int().min(1),
  projectId: text,
  sha: text,
  /** Its name in the definition. */
  job: text,
  /** The same for what is the same job in another pipeline of its commit: of a child pipeline also which of its parent. */
  place: text,
};

const test = { suite: text, name: text };
const tests = z.array(z.object(test)).max(REPORT_LISTS.failures);

/** The reports of tests that an attempt has left say this; a file that could not be read is in no count. */
export const TestsReported = defineEvent(
  'TestsReported',
  1,
  z.object({
    ...reported,
    tests: count,
    failed: count,
    errored: count,
    skipped: count,
    durationMs: count,
    /** SHA-256 of the names of all that ran: where two attempts have the same one, what did not fail has passed. */
    ran: digest,
    /** Those that failed or broke off; where there were more, the first. */
    failures: tests,
    /** Of those that are known to have failed at this commit in another attempt: those that have passed in this one. */
    passedNow: tests,
    slowest: z.array(z.object({ ...test, durationMs: count })).max(REPORT_LISTS.slowest),
  }),
);

/** The reports of one scanner that an attempt has left say this. */
export const VulnerabilitiesReported = defineEvent(
  'VulnerabilitiesReported',
  1,
  z.object({
    ...reported,
    kind: z.enum(SCAN_KINDS),
    scanner: text,
    critical: count,
    high: count,
    medium: count,
    low: count,
    info: count,
    unknown: count,
    ofDefaultBranch: z.literal(true).optional(),
    /** The pipeline that the scan belongs to; of a child pipeline its parent. */
    root: text,
    /** When the attempt's pipeline was requested, RFC 3339: which of two scans is newer. */
    requestedAt: text,
  }),
);
