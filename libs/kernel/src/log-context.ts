import { AsyncLocalStorage } from 'node:async_hooks';
import { attemptIdOf, jobOfAttempt, pipelineOfJob, type RecordedEvent } from '@foldline/contracts';

/** What a log line is about, as far as it is known. */
export type LogFields = {
  service?: string;
  requestId?: string;
  eventId?: string;
  eventType?: string;
  pipelineId?: string;
  jobId?: string;
  attemptId?: string;
};

/** Fields, or how to make them when a line is written. */
type About = LogFields | (() => LogFields);

const current = new AsyncLocalStorage<About>();

/**
 * Log lines that the work writes, and whatever it begins, carry these fields besides their own. They are held as long
 * as anything lives that was begun meanwhile, such as a connection: so they are ids, never an event itself.
 */
export const logAbout = <Result>(about: About, work: () => Result): Result => current.run(about, work);

/** What a line that is written now is about; a copy of the caller's own. */
export const logFields = (): LogFields => {
  const about = current.getStore();
  return typeof about === 'function' ? about() : { ...about };
};

/** Events whose data lies elsewhere, and references to events, are told by their stream alone. */
type Named = Pick<RecordedEvent, 'id' | 'type' | 'stream' | 'correlationId'> & { data?: unknown };
type Ids = { pipelineId?: unknown; jobId?: unknown; attemptId?: unknown; attempt?: unknown };

const ID = /^[0-9a-z]{1,64}$/;
const JOB_ID = /^[0-9a-z]{1,64}\.\d{1,6}$/;
const ATTEMPT_ID = /^[0-9a-z]{1,64}\.\d{1,6}\.\d{1,6}$/;
const OF_ATTEMPTS = new Set(['attempt', 'log']);
const OF_PIPELINES = new Set(['trigger', 'plan', 'pipeline']);

/** What the lines of a service that handles an event are about: nothing is worked out unless one is written. */
export const handlingOf = (service: string, { id, type, stream, correlationId, data }: Named): (() => LogFields) => {
  const { pipelineId, jobId, attemptId, attempt } = (data ?? {}) as Ids;
  const named = { id, type, stream, correlationId, data: { pipelineId, jobId, attemptId, attempt } };
  return () => ({ service, ...idsOf(named) });
};

/** What an event is about: by its data, else by its stream. Anything that does not look like an id is none. */
export const idsOf = ({ id, type, stream, correlationId, data }: Named): LogFields => {
  const named = (typeof data === 'object' && data !== null ? data : {}) as Ids;
  const dash = stream.indexOf('-');
  const [category, name] = [stream.slice(0, dash), stream.slice(dash + 1)];
  const ofJob = matching(JOB_ID, named.jobId);
  const attemptId =
    matching(ATTEMPT_ID, named.attemptId) ??
    (OF_ATTEMPTS.has(category) ? matching(ATTEMPT_ID, name) : attemptOf(ofJob, named.attempt));
  const jobId = ofJob ?? (attemptId && jobOfAttempt(attemptId));
  const pipelineId =
    matching(ID, named.pipelineId) ??
    (jobId && pipelineOfJob(jobId)) ??
    (OF_PIPELINES.has(category) ? matching(ID, name) : matching(ID, correlationId));
  return {
    eventId: id,
    eventType: type,
    ...(pipelineId ? { pipelineId } : {}),
    ...(jobId ? { jobId } : {}),
    ...(attemptId ? { attemptId } : {}),
  };
};

const matching = (pattern: RegExp, value: unknown): string | undefined =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;

/** Attempts count from 1; 0 says that there was none. */
const attemptOf = (jobId: string | undefined, attempt: unknown): string | undefined =>
  jobId !== undefined && typeof attempt === 'number' && attempt >= 1 ? attemptIdOf(jobId, attempt) : undefined;
