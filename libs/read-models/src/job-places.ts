import {
  atWorkIndexKey,
  kindIndexPrefix,
  logAgePrefix,
  onRunnerIndexKey,
  queuePrefix,
  resourceIndexPrefix,
  startIndexKey,
  type FailureReason,
  type JobDoc,
} from '@foldline/contracts';

/** Among those that wait for the same: longest first. */
const waitKey = (doc: Pick<JobDoc, 'queuedAt' | 'id'>): string => `${doc.queuedAt ?? ''}/${doc.id}`;
/** `jobs` by `byProjectQueue`: those of one project that wait for a runner, longest first. */
export const projectQueuePrefix = (projectId: string): string => `${projectId}/`;

/** A job that failed like this was carried out to its end. */
const BY_ITSELF = new Set<FailureReason>(['script_failure', 'job_timeout']);

/** Where a job stands besides its pipeline and its project. */
export const placeOf = (doc: JobDoc): Record<string, string> => {
  const { id, status, projectId, priority, resourceGroup, startsAt, runnerId } = doc;
  switch (status) {
    case 'delayed':
      return startsAt === undefined ? {} : { byStart: startIndexKey(startsAt, id) };
    case 'waiting_for_resource':
      return {
        byQueue: queuePrefix('resource', priority) + waitKey(doc),
        ...(resourceGroup !== undefined && {
          byResource: resourceIndexPrefix(projectId, resourceGroup) + waitKey(doc),
        }),
      };
    case 'queued':
      return {
        byQueue: queuePrefix('runner', priority) + waitKey(doc),
        byProjectQueue: projectQueuePrefix(projectId) + waitKey(doc),
      };
    case 'assigned':
    case 'running':
      return runnerId === undefined
        ? {}
        : { onRunner: onRunnerIndexKey(runnerId, id), atWork: atWorkIndexKey(projectId, id) };
    case 'finishing':
      return { atWork: atWorkIndexKey(projectId, id) };
    case 'success':
    case 'failed':
    case 'timed_out':
      return wasCarriedOut(doc) ? { byKind: kindIndexPrefix(projectId, doc.kind) + `${doc.finishedAt!}/${id}` } : {};
    default:
      return {};
  }
};

const wasCarriedOut = ({ runnerId, startedAt, finishedAt, reason }: JobDoc): boolean =>
  runnerId !== undefined &&
  startedAt !== undefined &&
  finishedAt !== undefined &&
  (reason === undefined || BY_ITSELF.has(reason));

/** A job that has ended, and whose output is kept, in the order of their ends. */
export const logAgeOf = ({ id, finishedAt, log, logPruned, submitted }: JobDoc): Record<string, string> =>
  finishedAt === undefined || !log || log.attempt <= (logPruned?.attempt ?? 0)
    ? {}
    : { byLogAge: `${logAgePrefix(submitted === true)}${finishedAt}/${id}` };
