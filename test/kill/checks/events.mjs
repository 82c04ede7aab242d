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
