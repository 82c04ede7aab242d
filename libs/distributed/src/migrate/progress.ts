/** How far a step has come; `of` where it is known. */
export type Progress = (step: string, done: number, of?: number) => void;

const EVERY_MS = 1_000;

/** Says how far it is at most once in a second. */
export const progressLines = (say: (line: string) => void): Progress => {
  let next = performance.now() + EVERY_MS;
  return (step, done, of) => {
    if (performance.now() < next) return;
    next = performance.now() + EVERY_MS;
    say(`${step}: ${done}${of === undefined ? '' : ` of ${of}`}`);
  };
};

/** Works on many things, so many at once. */
export const inParallel = async <Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  const broken = lanes.find((one) => one.status === 'rejected');
  if (broken) throw broken.reason;
};
