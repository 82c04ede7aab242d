/** Gets all of them at once, or none: when one cannot be had, the others are given back. */
export const useAll = async <Thing, Used>(
  things: readonly Thing[],
  use: (thing: Thing) => Promise<Used>,
  giveBack: (thing: Thing) => void,
): Promise<Used[]> => {
  const outcomes = await Promise.allSettled(things.map(use));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (!failed) return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<Used>).value);
  for (const [at, { status }] of outcomes.entries()) if (status === 'fulfilled') giveBack(things[at]!);
  throw (failed as PromiseRejectedResult).reason;
};
