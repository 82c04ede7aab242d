import { attemptIdOf, ofType, streamsOf } from './events.mjs';

const countBy = (list, keyOf) => {
  const counts = new Map();
  for (const each of list) counts.set(keyOf(each), (counts.get(keyOf(each)) ?? 0) + 1);
  return counts;
};

/** Every end of a pipeline is told once to each whose subscription was acknowledged by then, and to nobody else. */
export const endsAreTold = ({ events }) => {
  const wanted = [];
  const subscriptions = ofType(events, 'SubscriptionRequested');
  for (const { data, position } of ofType(events, 'PipelineFinished')) {
    const here = subscriptions.filter(
      (one) => one.data.projectId === data.context?.project.id && one.position < position,
    );
    wanted.push(...here.map((one) => `${data.pipelineId} to ${one.data.subscriptionId}`));
  }
  const expected = countBy(wanted, (name) => name);
  const requested = ofType(events, 'NotificationRequested');
  const told = countBy(requested, ({ data }) => `${data.pipelineId} to ${data.subscriptionId}`);
  return [...new Set([...expected.keys(), ...told.keys()])]
    .filter((name) => (expected.get(name) ?? 0) !== (told.get(name) ?? 0))
    .map((name) => `${name}: ended ${expected.get(name) ?? 0} times, told ${told.get(name) ?? 0} times`);
};

/** A notification arrives at least once, has one end, and is nobody's invention. */
export const notificationsArrive = ({ events, received }) => {
  const streams = streamsOf(events, 'notification');
  const arrived = new Set(received);
  return [
    ...[...streams].flatMap(([id, list]) => {
      const ends = ofType(list, 'NotificationDelivered', 'NotificationAbandoned');
      if (ends.length !== 1) return [`notification ${id} ended ${ends.length} times`];
      if (ends[0].type === 'NotificationAbandoned') return [`notification ${id} was given up: ${ends[0].data.because}`];
      return arrived.has(id) ? [] : [`notification ${id} counts as delivered and never arrived`];
    }),
    ...[...arrived].filter((id) => !streams.has(id)).map((id) => `${id} arrived and nobody wanted it sent`),
  ];
};

/** A deployment starts once and ends once. */
export const deploymentsEndOnce = ({ events }) =>
  [...streamsOf(events, 'deployment')].flatMap(([id, list]) => {
    const starts = ofType(list, 'DeploymentStarted').length;
    const ends = ofType(list, 'DeploymentSucceeded', 'DeploymentFailed').length;
    return starts === 1 && ends === 1 ? [] : [`deployment ${id} started ${starts} times and ended ${ends} times`];
  });

/** Half a deployment may have happened: one whose runner was lost is not begun again by itself. */
export const deploymentsAreNotRepeated = ({ events }) => {
  const deploying = new Set(ofType(events, 'DeploymentStarted').map(({ data }) => data.jobId));
  return ofType(events, 'JobRetried')
    .filter(({ data }) => data.by === 'runner_lost' && deploying.has(data.jobId))
    .map(({ data }) => `${data.jobId} deploys and was begun again although nobody asked for it`);
};

/** The stretches of the log in which a pipeline is cancelled: from there on until somebody takes it up again. */
const cancellations = (events) => {
  const stretches = new Map();
  for (const { type, data, position } of ofType(events, 'PipelineCancelling', 'PipelineReopened')) {
    const known = stretches.get(data.pipelineId) ?? [];
    if (type === 'PipelineCancelling') stretches.set(data.pipelineId, [...known, { from: position }]);
    else if (known.length > 0) known.at(-1).to ??= position;
  }
  return (pipelineId, position) =>
    (stretches.get(pipelineId) ?? []).some(
      ({ from, to = Number.POSITIVE_INFINITY }) => from < position && position < to,
    );
};

/**
 * I7: nothing is deployed of what was cancelled. A deployment follows from an assignment of its job, which was made
 * before the cancellation; its record may come later, as that of any other event does. Where the job was cancelled before
 * the attempt had begun, nothing of it runs; and where it was cancelled, nothing counts as deployed.
 */
export const nothingIsDeployedAfterACancellation = ({ events, side }) => {
  const isCancelled = cancellations(events);
  const byId = new Map(events.map((event) => [event.id, event]));
  const started = new Map(ofType(events, 'AttemptStarted').map(({ data, position }) => [data.attemptId, position]));
  const cancelled = new Map(ofType(events, 'JobCancelled').map((event) => [attemptIdOf(event.data), event.position]));
  const succeeded = new Set(ofType(events, 'DeploymentSucceeded').map(({ data }) => data.deploymentId));
  return ofType(events, 'DeploymentStarted').flatMap(({ data: { deploymentId, jobId }, causationId, position }) => {
    const assigned = byId.get(causationId);
    if (assigned?.type !== 'JobAssigned' || assigned.data.jobId !== jobId || assigned.position > position)
      return [`deployment ${deploymentId} does not follow from an assignment of ${jobId}`];
    const attemptId = attemptIdOf(assigned.data);
    const ended = cancelled.get(attemptId) ?? Number.POSITIVE_INFINITY;
    const problems = [];
    if (isCancelled(assigned.data.pipelineId, assigned.position))
      problems.push(`${attemptId} was to deploy after its pipeline had been cancelled`);
    if (started.get(attemptId) > ended && (side.get(attemptId) ?? []).length > 0)
      problems.push(`${attemptId} deployed although its job had been cancelled before it began`);
    if (cancelled.has(attemptId) && succeeded.has(deploymentId))
      problems.push(`${attemptId} was cancelled and counts as deployed`);
    return problems;
  });
};
