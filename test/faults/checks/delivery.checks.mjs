import { ofType, streamsOf } from './events.mjs';

const countBy = (list, keyOf) => {
  const counts = new Map();
  for (const each of list) counts.set(keyOf(each), (counts.get(keyOf(each)) ?? 0) + 1);
  return counts;
};

/** Every end of a pipeline is told once to each who had subscribed by then, and to nobody else. */
export const endsAreTold = ({ events }) => {
  const wanted = [];
  const subscriptions = ofType(events, 'SubscriptionCreated');
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
