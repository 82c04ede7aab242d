import { ofType } from '../../faults/checks/events.mjs';
import { isPublished } from '../lib/unpublished.mjs';

/** I1, I2: every event of a service is in the topic, and nothing is there that is not in the log. */
export const topicHoldsTheLog = ({ events, topic }) => {
  const stored = new Map(events.map((event) => [event.id, event]));
  const published = new Set(topic.map(({ eventId }) => eventId));
  return [
    ...events
      .filter((event) => isPublished(event) && !published.has(event.id))
      .map(({ type, stream, revision }) => `${type} (${stream}, revision ${revision}) was never published`),
    ...topic
      .filter(({ eventId, stream, revision, type }) => {
        const event = stored.get(eventId);
        return event?.stream !== stream || event.revision !== revision || event.type !== type;
      })
      .map(
        ({ type, stream, revision }) => `the topic holds ${type} (${stream}, revision ${revision}), the log does not`,
      ),
  ];
};

/** I2: of each stream and key, events were published for the first time in the order of the stream. */
export const firstsAreInOrder = ({ topic }) => {
  const last = new Map();
  const seen = new Set();
  return topic.flatMap(({ eventId, stream, key, revision, type }) => {
    if (seen.has(eventId)) return [];
    seen.add(eventId);
    const name = `${stream} ${key}`;
    const before = last.get(name) ?? -1;
    last.set(name, Math.max(before, revision));
    return revision > before
      ? []
      : [`${type} (${stream}, revision ${revision}) was published after revision ${before}`];
  });
};

/** I2: where services told what they handled and nobody was struck, each event was handled once by each process. */
export const eventsAreHandledOnce = ({ handled, undisturbed }) =>
  (undisturbed ? handled : []).flatMap(({ process, events }) => {
    const seen = new Set();
    return events.flatMap(({ group, id, stream, revision }) => {
      const name = `${group} ${id}`;
      if (seen.has(name)) return [`${process} handled revision ${revision} of ${stream} twice for ${group}`];
      seen.add(name);
      return [];
    });
  });

/** A runner's group belongs to one process, and begins with what is published when it first starts. */
const isOfAProcess = (group) => group.includes('.');
const TOLD_AT_THE_START = 'runner-';

/**
 * I2: where services told what they handled, also while they were struck: each group has handled every event of the
 * types that it takes, and each process came to the events of a stream for the first time in their order.
 */
export const eventsReachTheirHandlers = ({ events, handled }) => {
  const groups = new Map();
  const disorder = [];
  for (const { process, events: list } of handled) {
    const last = new Map();
    const known = new Set();
    for (const { group, id, stream, key, revision } of list) {
      groups.set(group, (groups.get(group) ?? new Set()).add(id));
      const name = `${group} ${stream} ${key}`;
      if (known.has(`${group} ${id}`)) continue;
      known.add(`${group} ${id}`);
      if (revision < last.get(name)) disorder.push(`${process} handled revision ${revision} of ${stream} late`);
      last.set(name, Math.max(revision, last.get(name) ?? -1));
    }
  }
  return [...disorder, ...[...groups].flatMap(([group, ids]) => unhandled(events, group, ids))];
};

const unhandled = (events, group, ids) => {
  const types = new Set(events.filter(({ id }) => ids.has(id)).map(({ type }) => type));
  return events
    .filter((event) => types.has(event.type) && !ids.has(event.id) && isPublished(event))
    .filter(({ stream }) => !isOfAProcess(group) || !stream.startsWith(TOLD_AT_THE_START))
    .map(({ type, stream, revision }) => `${group} never handled ${type} (${stream}, revision ${revision})`);
};

/** I10: at every prefix of the log, a runner has no more attempts than it offered places for, under one lease. */
export const placesAreNotOverrun = ({ events }) => {
  const slots = new Map();
  const held = new Map();
  const placeOf = new Map();
  const free = (attemptId) => {
    held.get(placeOf.get(attemptId))?.delete(attemptId);
    placeOf.delete(attemptId);
  };
  return ofType(
    events,
    'RunnerRegistered',
    'JobAssigned',
    'AttemptFinished',
    'JobRetried',
    'JobFailed',
    'JobCancelled',
  ).flatMap(({ type, data }) => {
    const place = `${data.runnerId} ${data.epoch}`;
    if (type === 'RunnerRegistered') slots.set(place, data.offer.slots);
    else if (type === 'AttemptFinished') free(data.attemptId);
    else if (type === 'JobRetried') free(`${data.jobId}.${data.attempt - 1}`);
    else if (type !== 'JobAssigned') free(`${data.jobId}.${data.attempt}`);
    else {
      const attemptId = `${data.jobId}.${data.attempt}`;
      const here = (held.get(place) ?? new Set()).add(attemptId);
      held.set(place, here);
      placeOf.set(attemptId, place);
      if (data.epoch !== undefined && here.size > (slots.get(place) ?? 0))
        return [`${place} had ${here.size} attempts at once`];
    }
    return [];
  });
};

/** I13: when the faults were over, everything came to its end in time. */
export const everythingConverges = ({ convergence }) =>
  convergence.open.length > 0 ? [`not settled within ${convergence.withinMs} ms: ${convergence.open.join(', ')}`] : [];

/** A strike that did not come about has shown nothing. */
export const strikesWereMade = ({ unmade }) => unmade;
