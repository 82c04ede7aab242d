import type { Ports, Projection } from '@foldline/kernel';
import { Projector } from '@foldline/host';

const CLAIM_TTL_MS = 10_000;
const RETRY_MS = 1_000;

type Needs = Pick<Ports, 'claims' | 'eventStore' | 'readStore' | 'clock' | 'logger'>;

/**
 * Keeps the read models current for all processes, while this one holds the claim to do so. Two that hold it at once do
 * the work twice and agree: the store takes each batch from one of them.
 */
export const keepReadModels = (
  { claims, eventStore, readStore, clock, logger }: Needs,
  projections: readonly Projection[],
  name: string,
): { stop: () => Promise<void> } => {
  const stopping = new AbortController();
  let term: AbortController | undefined;
  let working: Promise<void> = Promise.resolve();

  const work = async (signal: AbortSignal): Promise<void> => {
    const projector = new Projector(eventStore, readStore, projections, clock, logger, name);
    while (!signal.aborted) {
      try {
        await projector.start();
        break;
      } catch (err) {
        logger.warn({ err }, 'the read models cannot be kept yet');
        await clock.sleep(RETRY_MS, signal);
      }
    }
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await projector.stop();
  };
  const onChange = (held: boolean): void => {
    term?.abort();
    term = held ? new AbortController() : undefined;
    if (!term) return;
    const { signal } = term;
    working = working.then(() => work(signal));
  };
  const contending = claims.contend({
    name: `read-models:${name}`,
    ttlMs: CLAIM_TTL_MS,
    onChange,
    signal: stopping.signal,
  });
  return {
    stop: async () => {
      stopping.abort();
      await contending;
      term?.abort();
      await working;
    },
  };
};
