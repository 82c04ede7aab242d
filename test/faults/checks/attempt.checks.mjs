import { attemptIdOf, givenAway, ofType, streamsOf } from './events.mjs';

/** I3, I6: an attempt starts first and once, and ends last and once; one that was given away may have no end. */
export const attemptsStartAndEndOnce = ({ events }) => {
  const away = givenAway(events);
  return [...streamsOf(events, 'attempt')].flatMap(([attemptId, list]) => {
    const starts = ofType(list, 'AttemptStarted').length;
    const ends = ofType(list, 'AttemptFinished').length;
    return [
      ...(starts === 1 && list[0].type === 'AttemptStarted'
        ? []
        : [`${attemptId} started ${starts} times, or not first`]),
      ...((ends === 1 && list.at(-1).type === 'AttemptFinished') || (ends === 0 && away.has(attemptId))
        ? []
        : [`${attemptId} finished ${ends} times, or not last`]),
    ];
  });
};

/** No attempt runs that the scheduler did not give to just this runner before. */
export const attemptsWereAssigned = ({ events }) => {
  const assigned = new Map(ofType(events, 'JobAssigned').map((event) => [attemptIdOf(event.data), event]));
  return ofType(events, 'AttemptStarted').flatMap(({ data, position }) => {
    const assignment = assigned.get(data.attemptId);
    if (!assignment || assignment.position > position)
      return [`${data.attemptId} started without having been assigned`];
    if (assignment.data.runnerId !== data.runnerId)
      return [`${data.attemptId} started on a runner that was not given it`];
    return [];
  });
};

/** I3: at any moment at most one attempt of a job is under way, not counting those that were given away. */
export const attemptsDoNotOverlap = ({ events }) => {
  const open = new Map();
  const away = givenAway(events);
  return ofType(events, 'AttemptStarted', 'AttemptFinished').flatMap(
    ({ type, position, data: { jobId, attemptId } }) => {
      const under = open.get(jobId);
      if (type === 'AttemptFinished') {
        if (under === attemptId) open.delete(jobId);
        return [];
      }
      // One that was given away before it started runs nothing, and takes nobody's place.
      if (away.get(attemptId) < position) return [];
      open.set(jobId, attemptId);
      return under === undefined || away.get(under) < position
        ? []
        : [`${attemptId} started while ${under} was under way`];
    },
  );
};

/** I13: what was assigned has ended, or was given to others. */
export const assignmentsEnd = ({ events }) => {
  const ended = new Set([
    ...ofType(events, 'AttemptFinished').map(({ data }) => data.attemptId),
    ...givenAway(events).keys(),
  ]);
  return ofType(events, 'JobAssigned')
    .map(({ data }) => attemptIdOf(data))
    .filter((attemptId) => !ended.has(attemptId))
    .map((attemptId) => `${attemptId} was assigned and never ended`);
};

/** Clocks are read in steps of 10 ms, and an event's time is taken a moment before it is stored. */
const TOLERANCE_MS = 60;

/**
 * I3, I5: what the jobs themselves wrote beside the log. Each attempt ran once at most, only if its start was recorded,
 * and only between its start and its end as recorded.
 */
export const processesRanAsRecorded = ({ events, side }) => {
  const streams = streamsOf(events, 'attempt');
  return [...side].flatMap(([attemptId, lines]) => {
    const recorded = streams.get(attemptId);
    if (recorded?.[0]?.type !== 'AttemptStarted') return [`${attemptId} ran although no start is recorded`];
    const problems = lines
      .filter(({ number }, n) => number !== n + 1)
      .slice(0, 1)
      .map(({ number }, n) => `${attemptId} wrote line ${number} out of turn (${n}): it ran more than once`);
    const from = Date.parse(recorded[0].recordedAt) - TOLERANCE_MS;
    const end = recorded.at(-1);
    const to = end.type === 'AttemptFinished' ? Date.parse(end.recordedAt) + TOLERANCE_MS : Number.POSITIVE_INFINITY;
    if (lines.some(({ at }) => at < from)) problems.push(`${attemptId} ran before its start was recorded`);
    if (lines.some(({ at }) => at > to)) problems.push(`${attemptId} ran after its end was recorded`);
    return problems;
  });
};

/** What a stopped machine does in the moment in which it goes on, before it has looked at the clock. */
const WAKING_MS = 1_500;

/**
 * I5: when a job is given to another runner, nothing of the attempt before runs any more: its lines come before those of
 * the next one. What stood still while it was given away may write for a moment when it goes on.
 */
export const givenAwayAttemptsAreDead = ({ events, side, pauses = [] }) => {
  const away = givenAway(events);
  const runners = new Map(ofType(events, 'JobAssigned').map(({ data }) => [attemptIdOf(data), data.runnerId]));
  const byPosition = new Map(events.map((event) => [event.position, event]));
  return [...away].flatMap(([attemptId, position]) => {
    const lostAt = Date.parse(byPosition.get(position).recordedAt);
    const excused = (at) =>
      pauses.some(
        ({ runnerId, from, to }) => runnerId === runners.get(attemptId) && from <= lostAt && at < to + WAKING_MS,
      );
    const next = Math.min(...nextAttempts(attemptId, side).map((lines) => lines[0]?.at ?? Number.POSITIVE_INFINITY));
    const late = (side.get(attemptId) ?? []).filter(({ at }) => at > next && !excused(at));
    return late.length > 0 ? [`${attemptId} wrote ${late.length} lines after its job had begun elsewhere`] : [];
  });
};

const nextAttempts = (attemptId, side) => {
  const [, jobId, number] = /^(.*)\.(\d+)$/.exec(attemptId);
  return [...side]
    .filter(([id]) => id.startsWith(`${jobId}.`) && Number(id.slice(jobId.length + 1)) > Number(number))
    .map(([, lines]) => lines);
};

/** I5: a runner whose lease is over stops what it does, also when nobody else takes it up. */
export const lostRunnersStop = ({ events, side, pauses = [], graceMs = Number.POSITIVE_INFINITY }) => {
  const away = givenAway(events);
  const runners = new Map(ofType(events, 'JobAssigned').map(({ data }) => [attemptIdOf(data), data.runnerId]));
  const byPosition = new Map(events.map((event) => [event.position, event]));
  return [...away].flatMap(([attemptId, position]) => {
    const lostAt = Date.parse(byPosition.get(position).recordedAt);
    const pause = pauses.find(
      ({ runnerId, from, to }) => runnerId === runners.get(attemptId) && from <= lostAt && lostAt <= to + WAKING_MS,
    );
    const latest = Math.max(lostAt + graceMs, (pause?.to ?? 0) + WAKING_MS) + TOLERANCE_MS;
    const late = (side.get(attemptId) ?? []).filter(({ at }) => at > latest);
    return late.length > 0 ? [`${attemptId} wrote ${late.length} lines although its runner was lost`] : [];
  });
};

/**
 * When a job went on without an attempt that was given away: with another one, or to its end when there is none for a
 * lost deployment or one that was lost too often.
 */
const overtakings = (events) => {
  const away = givenAway(events);
  const overtaken = new Map();
  for (const { type, data, position } of ofType(events, 'JobRetried', 'JobFailed')) {
    if (type === 'JobFailed' && data.reason !== 'runner_lost') continue;
    const attemptId = `${data.jobId}.${type === 'JobRetried' ? data.attempt - 1 : data.attempt}`;
    if (away.has(attemptId) && !overtaken.has(attemptId)) overtaken.set(attemptId, position);
  }
  return overtaken;
};

/** The attempt that each upload and each deployment is of. */
const attemptsOf = (events) => {
  const assigned = new Map(ofType(events, 'JobAssigned').map(({ id, data }) => [id, attemptIdOf(data)]));
  return new Map([
    ...ofType(events, 'ArtifactUploaded', 'CacheUploaded').map(({ data }) => [
      data.artifactId ?? data.cacheId,
      data.attemptId,
    ]),
    ...ofType(events, 'DeploymentStarted').map(({ data, causationId }) => [
      data.deploymentId,
      assigned.get(causationId),
    ]),
  ]);
};

/** What becomes visible, and which upload or deployment it is. */
const SHOWN = {
  ArtifactCommitted: 'artifactId',
  CacheCommitted: 'cacheId',
  DeploymentSucceeded: 'deploymentId',
  EnvironmentDeployed: 'deploymentId',
};

/**
 * I4: once its job has gone on, nothing becomes visible of an attempt that was given away: no result, no artifact, no
 * cache, no deployment.
 */
export const givenAwayAttemptsChangeNothing = ({ events }) => {
  const overtaken = overtakings(events);
  const attempts = attemptsOf(events);
  const isLate = (attemptId, position) => overtaken.get(attemptId) < position;
  return [
    ...ofType(events, ...Object.keys(SHOWN)).flatMap(({ type, data, position }) => {
      const attemptId = attempts.get(data[SHOWN[type]]);
      return isLate(attemptId, position) ? [`${type} of ${attemptId} after its job had gone on without it`] : [];
    }),
    ...ofType(events, 'JobSucceeded', 'JobFinishing').flatMap(({ type, data, position }) =>
      isLate(attemptIdOf(data), position) ? [`${type} of ${attemptIdOf(data)} after its job had gone on`] : [],
    ),
  ];
};
