import { byStream } from './events.mjs';

/** I2: what a stream holds is numbered 0, 1, 2 …, and the log as a whole goes forward. */
export const revisionsAreContiguous = ({ events }) => [
  ...[...byStream(events)].flatMap(([stream, list]) =>
    list
      .filter(({ revision }, n) => revision !== n)
      .slice(0, 1)
      .map(({ revision, type }) => `${stream}: ${type} has revision ${revision}, out of turn`),
  ),
  ...events
    .filter(({ position }, n) => n > 0 && position <= events[n - 1].position)
    .map(({ position, type }) => `${type} at ${position} comes after a later event`),
];

/** I2: an event that was stored twice would have its id twice. */
export const idsAreUnique = ({ events }) => {
  const seen = new Set();
  return events.flatMap(({ id, stream, type }) => {
    if (seen.has(id)) return [`${stream}: ${type} is stored twice under the id ${id}`];
    seen.add(id);
    return [];
  });
};

/** What an event is about, beside its type: one cause may queue many jobs and tell many subscribers, but each once. */
const SUBJECT = [
  'projectId',
  'pipelineId',
  'jobId',
  'index',
  'name',
  'artifactId',
  'cacheId',
  'commitId',
  'environmentId',
  'subscriptionId',
  'requestId',
  'runnerId',
  'key',
  'rule',
];

/** Events that have one consequence, whatever else happens. */
const CONSEQUENCES = {
  PipelineRequested: ['PipelinePlanned', 'PlanRejected'],
  PipelinePlanned: ['PipelineStarted'],
  PlanRejected: ['PipelineRejected'],
  SubscriptionRequested: ['SubscriptionCreated'],
  DeploymentSucceeded: ['EnvironmentDeployed'],
};

/**
 * I2: an event is applied once by each who takes it, however often it was delivered: it causes nothing twice, in whatever
 * stream, and what must follow from it does. Services give causes, and whatever acted twice would give the same.
 */
export const eventsHaveOneEffect = ({ events }) => {
  const seen = new Set();
  const effects = new Map();
  const twice = events.flatMap(({ causationId, type, stream, data }) => {
    effects.set(causationId, [...(effects.get(causationId) ?? []), type]);
    const effect = JSON.stringify([causationId, type, ...SUBJECT.map((name) => data[name] ?? '')]);
    if (seen.has(effect)) return [`${stream}: ${causationId} caused ${type} once more`];
    seen.add(effect);
    return [];
  });
  const wrong = events.flatMap(({ id, type, stream }) => {
    const expected = CONSEQUENCES[type];
    if (expected === undefined) return [];
    const found = (effects.get(id) ?? []).filter((effect) => expected.includes(effect)).length;
    return found === 1 ? [] : [`${stream}: ${type} led ${found} times to ${expected.join(' or ')}`];
  });
  return [...twice, ...wrong];
};

/** I11: rebuilding every read model gives the same bytes; the hash chains were checked on the way. */
export const replayIsEqual = ({ replay }) => [
  ...(replay.failure ? [`the log does not verify: ${replay.failure}`] : []),
  ...replay.differences.map((document) => `${document} differs from its rebuilt self`),
];

export const nothingIsParked = ({ parked }) =>
  parked.map(({ group, key, eventType, error }) => `${group} parked ${key} at ${eventType}: ${error}`);

/** Every service has handled the whole log. */
export const busIsHandled = ({ checkpoints, lastPosition }) =>
  Object.entries(checkpoints)
    .filter(([, position]) => position !== lastPosition)
    .map(([group, position]) => `${group} handled the log up to ${position} of ${lastPosition}`);

export const nothingIsLeftOver = ({ leftovers: { processes, directories } }) => [
  ...processes.map(({ pid, command }) => `process ${pid} is still there: ${command}`),
  ...directories.map((name) => `the directory of attempt ${name} is still there`),
];

export const serverBehaved = ({ server: { internalErrors, unexpectedEnds } }) => [
  ...internalErrors.map((error) => `answered 500 to ${error}`),
  ...unexpectedEnds.map((end) => `the server ended by itself: ${end}`),
];
