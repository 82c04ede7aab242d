import {
  AttemptFinished,
  AttemptStarted,
  CacheRestored,
  ContainerStarted,
  LogPruned,
  LogSealed,
  StepFinished,
  TestsReported,
  VulnerabilitiesReported,
} from '@foldline/contracts';
import { decided, given, latest, onJob } from './job-changes.ts';

const attemptOf = (attemptId: string): number => Number(attemptId.slice(attemptId.lastIndexOf('.') + 1));

const ATTEMPT_MAY_START = new Set(['queued', 'assigned']);

/** What a job shows of its attempts. */
export const IN_ATTEMPT = [
  onJob(AttemptStarted, (doc, event) =>
    doc && doc.attempt === event.data.attempt && ATTEMPT_MAY_START.has(doc.status)
      ? decided(doc, event, { status: 'running', startedAt: event.recordedAt })
      : doc,
  ),
  onJob(AttemptFinished, (doc, event) => {
    const { attempt, usage } = event.data;
    return usage && doc?.attempt === attempt ? decided(doc, event, { usage }) : doc;
  }),
  onJob(StepFinished, (doc, event) => {
    const { attempt, index, name, outcome, durationMs, step, exitCode, detail, resumedFrom, log } = event.data;
    const finished = {
      attempt,
      index,
      name,
      outcome,
      durationMs,
      ...given({ step, exitCode, detail, resumedFrom, log }),
    };
    return doc && decided(doc, event, { steps: latest(doc.steps, finished) });
  }),
  onJob(ContainerStarted, (doc, event) => {
    const { attempt, start, images } = event.data;
    return doc && decided(doc, event, { container: { attempt, start, images } });
  }),
  onJob(CacheRestored, (doc, event) => {
    const { attempt, key, result, matchedKey, cacheId, files, bytes } = event.data;
    const cache = { attempt, key, result, files, bytes, ...given({ matchedKey, cacheId }) };
    return doc && decided(doc, event, { caches: latest(doc.caches, cache) });
  }),
  onJob(LogSealed, (doc, event) => {
    const { attemptId, bytes, sha256, complete } = event.data;
    const attempt = attemptOf(attemptId);
    if (!doc || (doc.log && doc.log.attempt > attempt)) return doc;
    return decided(doc, event, { log: { attempt, bytes, sha256, complete } });
  }),
  onJob(LogPruned, (doc, event) => {
    const attempt = Math.max(attemptOf(event.data.attemptId), doc?.logPruned?.attempt ?? 0);
    return decided(doc, event, { logPruned: { attempt, at: event.recordedAt } });
  }),
  onJob(TestsReported, (doc, event) => {
    const { attempt, tests, failed, errored, skipped, durationMs } = event.data;
    if (doc?.attempt !== attempt || doc.tests) return doc;
    return decided(doc, event, { tests: { tests, failed, errored, skipped, durationMs } });
  }),
  onJob(VulnerabilitiesReported, (doc, event) => {
    const { attempt, kind, scanner, critical, high, medium, low, info, unknown } = event.data;
    if (doc?.attempt !== attempt) return doc;
    const others = (doc.scans ?? []).filter((scan) => scan.kind !== kind || scan.scanner !== scanner);
    const scan = { kind, scanner, critical, high, medium, low, info, unknown };
    return decided(doc, event, { scans: latest(others, scan) });
  }),
];
