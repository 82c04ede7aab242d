/** Milliseconds after which the handling of an event is told to take long (reliability 2.18). */
export const LONG_HANDLING_MS = 30_000;

/** Does the work, and tells once, while it goes on, when it takes longer than that. */
export const watched = async (afterMs: number, tell: () => void, work: () => Promise<void>): Promise<void> => {
  const timer = setTimeout(tell, afterMs).unref();
  try {
    await work();
  } finally {
    clearTimeout(timer);
  }
};
