import { attemptIdOf, ofType, streamsOf } from './events.mjs';

/** I3, I6: an attempt starts first and once, and ends last and once. */
export const attemptsStartAndEndOnce = ({ events }) =>
  [...streamsOf(events, 'attempt')].flatMap(([attemptId, list]) => {
    const starts = ofType(list, 'AttemptStarted').length;
    const ends = ofType(list, 'AttemptFinished').length;
    return [
      ...(starts === 1 && list[0].type === 'AttemptStarted'
        ? []
        : [`${attemptId} started ${starts} times, or not first`]),
      ...(ends === 1 && list.at(-1).type === 'AttemptFinished'
        ? []
        : [`${attemptId} finished ${ends} times, or not last`]),
    ];
  });

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

/** I3: at any moment at most one attempt of a job is under way. */
export const attemptsDoNotOverlap = ({ events }) => {
  const open = new Map();
  return ofType(events, 'AttemptStarted', 'AttemptFinished').flatMap(({ type, data: { jobId, attemptId } }) => {
    const under = open.get(jobId);
    if (type === 'AttemptFinished') {
      if (under === attemptId) open.delete(jobId);
      return [];
    }
    open.set(jobId, attemptId);
    return under === undefined ? [] : [`${attemptId} started while ${under} was under way`];
  });
};

/** I13: what was assigned has ended. */
export const assignmentsEnd = ({ events }) => {
  const ended = new Set(ofType(events, 'AttemptFinished').map(({ data }) => data.attemptId));
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
    const to = Date.parse(recorded.at(-1).recordedAt) + TOLERANCE_MS;
    if (lines.some(({ at }) => at < from)) problems.push(`${attemptId} ran before its start was recorded`);
    if (lines.some(({ at }) => at > to)) problems.push(`${attemptId} ran after its end was recorded`);
    return problems;
  });
};
