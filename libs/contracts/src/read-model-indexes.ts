/**
 * Index names and their keys, where more than one service relies on them. Positions are padded to 16 digits so that
 * they sort as numbers.
 */
export const paddedPosition = (position: number): string => String(position).padStart(16, '0');
/** `pipelines` by `activeByBranch` and `cancellable`: those of a branch that go on, in the order of their requests. */
export const branchIndexPrefix = (projectId: string, branch: string): string =>
  `${projectId}/${encodeURIComponent(branch)}/`;
/** `caches` by `byKey`: prefix of this finds every entry whose key begins with `key` in one scope of a project. */
export const cacheIndexKey = (projectId: string, scope: string, key: string): string => `${projectId}/${scope}/${key}`;
/** `caches` by `byUse`: those first that were used least recently. */
export const useIndexKey = (lastUsedAt: string, id: string): string => `${lastUsedAt}/${id}`;
/** `prunings` by `byPosition`: those first that were pruned first. */
export const pruningIndexKey = (position: number, id: string): string => `${paddedPosition(position)}/${id}`;
/** `jobs` by `atWork`: those that a runner has, up to the answers to their last uploads. */
export const atWorkIndexKey = (projectId: string, id: string): string => `${projectId}/${id}`;
/** `jobs` by `byLogAge`: only those that have ended and whose output is kept, those first that ended first. */
export const logAgePrefix = (submitted: boolean): string => (submitted ? 'submitted/' : 'defined/');
/** `artifacts` by `byJob`: prefix finds a job's artifacts. */
export const artifactIndexKey = (jobId: string, id: string): string => `${jobId}/${id}`;
/** `artifacts` by `byExpiry`: only available ones that expire, earliest first. */
export const expiryIndexKey = (expiresAt: string, id: string): string => `${expiresAt}/${id}`;
/** `jobs` by `byStart`: only those whose time runs, those that are due first. */
export const startIndexKey = (startsAt: string, id: string): string => `${startsAt}/${id}`;
/** `jobs` by `byResource`: only those that wait for their resource group, in the order in which they came. */
export const resourceIndexPrefix = (projectId: string, group: string): string =>
  `${projectId}/${encodeURIComponent(group)}/`;
/**
 * `jobs` by `byQueue`: only those that wait for a runner or for their resource group. Of each, those of higher priority
 * first, and of these those that have waited longest.
 */
export const queuePrefix = (waitsFor: 'runner' | 'resource', priority?: number): string =>
  `${waitsFor}/${priority === undefined ? '' : `${String(MOST_IMPORTANT - priority).padStart(2, '0')}/`}`;
/** Priorities are 0 to 10 (S1-30). */
export const MOST_IMPORTANT = 10;
/** `jobs` by `onRunner`: only those that have a place on a runner. */
export const onRunnerIndexKey = (runnerId: string, jobId: string): string => `${runnerId}/${jobId}`;
/** `jobs` by `byKind`: only those that a runner has carried out to their end, in the order in which they ended. */
export const kindIndexPrefix = (projectId: string, kind: string): string => `${projectId}/${encodeURIComponent(kind)}/`;
/** `subscriptions` and `resourceGroups` by `byProject`. */
export const byProjectKey = (projectId: string, id: string): string => `${projectId}/${id}`;
/** Numbers that people count by sort as numbers. */
const paddedNumber = (number: number): string => String(number).padStart(12, '0');
/** `services`, `builds` and `serviceDeployments` by `byNumber`. */
export const byNumberKey = (number: number): string => `${paddedNumber(number)}/`;
/** `builds` and `serviceDeployments` by `byService` and `byProject`: prefix finds those of one, in their order. */
export const serviceIndexPrefix = (service: number): string => `${paddedNumber(service)}/`;
export const serviceIndexKey = (service: number, number: number): string =>
  serviceIndexPrefix(service) + paddedNumber(number);
/** `builds` and `serviceDeployments` by `open`: only those that have not ended, of a project or of one of its services. */
export const openIndexPrefix = (project: number, service?: number): string =>
  serviceIndexPrefix(project) + (service === undefined ? '' : serviceIndexPrefix(service));
export const openIndexKey = (project: number, service: number, number: number): string =>
  openIndexPrefix(project, service) + byNumberKey(number);
/** The same by `ended`: only those that have, by how. */
export const endedIndexPrefix = (status: string): string => `${status}/`;
export const endedIndexKey = (status: string, number: number): string => endedIndexPrefix(status) + byNumberKey(number);
/** `submittedJobs` by `byOutcome`: those that go on, and those that ended like this; in the order of their requests. */
export const openJobPrefix = 'open/';
export const endedJobPrefix = (outcome: string): string => `ended/${outcome}/`;
/** `snapshots` by `byAge`: only those that were not pruned, those first that were taken first. */
export const ageIndexKey = (takenAt: string, id: string): string => `${takenAt}/${id}`;
/** `snapshots` by `byJob`: in the order of attempts and steps, pruned or not. */
export const snapshotIndexPrefix = (jobId: string): string => `${jobId}/`;
export const snapshotIndexKey = (jobId: string, attempt: number, step: number): string =>
  `${snapshotIndexPrefix(jobId)}${paddedNumber(attempt)}/${paddedNumber(step)}`;
