import { ofType, streamsOf } from './events.mjs';

const STARTS = new Set(['trigger', 'webhook']);
const WISHES = { cancel: 'PipelineCancelRequested', retry: 'JobRetryRequested', play: 'JobPlayRequested' };

/** What an acknowledged request that starts pipelines was told it had started. */
const startedBy = ({ kind, answer }) => (kind === 'trigger' ? [answer.id] : (answer.pipelines ?? []));

/** I1: what was acknowledged, or a job asked for, is there, once; and nothing is there that nobody asked for. */
export const requestsHaveTheirPipelines = ({ events, requests }) => {
  const requested = ofType(events, 'PipelineRequested').map(({ data }) => data.pipelineId);
  const acknowledged = new Set([
    ...requests.filter(({ kind }) => STARTS.has(kind)).flatMap(startedBy),
    ...ofType(events, 'DownstreamRequested').map(({ data }) => data.downstreamId),
  ]);
  const counts = new Map();
  for (const id of requested) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [
    ...[...acknowledged]
      .filter((id) => !counts.has(id))
      .map((id) => `pipeline ${id} was acknowledged and is not there`),
    ...[...counts].filter(([, n]) => n > 1).map(([id, n]) => `pipeline ${id} was requested ${n} times`),
    ...[...counts].filter(([id]) => !acknowledged.has(id)).map(([id]) => `pipeline ${id} was never asked for`),
  ];
};

/** One idempotency key or delivery id, one pipeline, however often it was sent. */
export const keysNameOnePipeline = ({ requests }) => {
  const named = new Map();
  for (const request of requests.filter(({ kind }) => STARTS.has(kind))) {
    named.set(request.key, (named.get(request.key) ?? new Set()).add(startedBy(request).join()));
  }
  const owners = new Map();
  for (const [key, ids] of named) for (const id of ids) owners.set(id, [...(owners.get(id) ?? []), key]);
  return [
    ...[...named].filter(([, ids]) => ids.size > 1).map(([key, ids]) => `key ${key} gave ${[...ids].join(' and ')}`),
    ...[...owners].filter(([, keys]) => keys.length > 1).map(([id, keys]) => `pipeline ${id} has keys ${keys.join()}`),
  ];
};

/** I1: an acknowledged wish is recorded once. */
export const wishesAreRecorded = ({ events, requests }) => {
  const recorded = new Map();
  const keyOf = (type, { pipelineId, jobId = '' }) => `${type} ${pipelineId} ${jobId}`.trim();
  for (const { type, data } of ofType(events, ...Object.values(WISHES))) {
    recorded.set(keyOf(type, data), (recorded.get(keyOf(type, data)) ?? 0) + 1);
  }
  const wished = new Map();
  for (const request of requests.filter(({ kind }) => kind in WISHES)) {
    const key = keyOf(WISHES[request.kind], request);
    wished.set(key, (wished.get(key) ?? 0) + 1);
  }
  return [...new Set([...recorded.keys(), ...wished.keys()])]
    .filter((key) => (recorded.get(key) ?? 0) !== (wished.get(key) ?? 0))
    .map((key) => `${key}: acknowledged ${wished.get(key) ?? 0} times, recorded ${recorded.get(key) ?? 0} times`);
};

/** I6, I13: each requested pipeline ends, and ends again only after it was taken up again. */
export const pipelinesEndOnce = ({ events }) => {
  const pipelines = streamsOf(events, 'pipeline');
  return ofType(events, 'PipelineRequested').flatMap(({ data: { pipelineId } }) => {
    let ended = false;
    const problems = [];
    for (const { type } of pipelines.get(pipelineId) ?? []) {
      const ends = type === 'PipelineFinished' || type === 'PipelineRejected';
      if (ends && ended) problems.push(`pipeline ${pipelineId} ended twice`);
      if (type === 'PipelineReopened' && !ended)
        problems.push(`pipeline ${pipelineId} was reopened before it had ended`);
      if (type === 'PipelineRejected')
        problems.push(`pipeline ${pipelineId} was rejected although its definition is good`);
      if (ends) ended = true;
      if (type === 'PipelineReopened') ended = false;
    }
    return ended ? problems : [...problems, `pipeline ${pipelineId} never ended`];
  });
};
