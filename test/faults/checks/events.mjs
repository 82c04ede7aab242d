/** Ways to look at a list of events that more than one check needs. */
export const byStream = (events) => {
  const streams = new Map();
  for (const event of events) {
    const stream = streams.get(event.stream);
    if (stream) stream.push(event);
    else streams.set(event.stream, [event]);
  }
  return streams;
};

export const ofType = (events, ...types) => events.filter(({ type }) => types.includes(type));

/** The streams of one category, by the id that follows it. */
export const streamsOf = (events, category) =>
  new Map(
    [...byStream(events)]
      .filter(([stream]) => stream.startsWith(`${category}-`))
      .map(([stream, list]) => [stream.slice(category.length + 1), list]),
  );

export const attemptIdOf = ({ jobId, attempt }) => `${jobId}.${attempt}`;

/**
 * Attempts whose runner was lost by its lease, with the position at which the log says so: from there on nothing that
 * they do counts, and others may do their jobs.
 */
export const givenAway = (events) => whereRunnersSaid(events, 'RunnerLost', (known, epoch) => [...known, epoch]);

/** Attempts whose runner drains, with the position at which the log says so: from there on it begins none of them. */
export const letGo = (events) => whereRunnersSaid(events, 'RunnerDraining', (_known, epoch) => [epoch]);

const whereRunnersSaid = (events, said, epochsMeant) => {
  const known = new Map();
  const attempts = [];
  const places = new Map();
  for (const { type, data, position } of events) {
    if (type === 'RunnerRegistered') known.set(data.runnerId, (known.get(data.runnerId) ?? new Set()).add(data.epoch));
    if (type === 'JobAssigned' && data.epoch !== undefined)
      attempts.push({ attemptId: attemptIdOf(data), key: `${data.runnerId} ${data.epoch}` });
    if (type !== said) continue;
    for (const epoch of epochsMeant(known.get(data.runnerId) ?? [], data.epoch)) {
      const key = `${data.runnerId} ${epoch}`;
      if (!places.has(key)) places.set(key, position);
    }
  }
  const named = attempts.filter(({ key }) => places.has(key));
  return new Map(named.map(({ attemptId, key }) => [attemptId, places.get(key)]));
};
