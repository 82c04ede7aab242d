import type { RelayLag } from '@foldline/bus-kafka';
import type { ServiceName } from '@foldline/contracts';
import type { Clock, Logger } from '@foldline/kernel';

const EVERY_MS = 5_000;
/** What was stored so long ago and is not in the topic has stopped the work of everybody (docs/reliability.md). */
const ALARM_SECONDS = 30;

type Relays = { relays(names: readonly string[]): Promise<RelayLag[]> };
type Watched = { service: ServiceName; bus: Relays; clock: Clock; logger: Logger };

/** Seconds since the oldest event of the service was stored that is not in the topic; 0 when there is none. */
export const relayLagSeconds = async (service: ServiceName, bus: Relays, now: string): Promise<number> => {
  const oldest = (await bus.relays([service]))[0]?.oldest;
  return oldest ? Math.max(0, (Date.parse(now) - Date.parse(oldest.recordedAt)) / 1000) : 0;
};

/** Says once that events wait for too long, and once that they do not any more. Ends with the signal. */
export const watchRelay = async ({ service, bus, clock, logger }: Watched, signal: AbortSignal): Promise<void> => {
  let isLate = false;
  while (!signal.aborted) {
    await clock.sleep(EVERY_MS, signal);
    if (signal.aborted) return;
    // How far a relay has come that cannot be asked is not known, and so is no news.
    const lagSeconds = await relayLagSeconds(service, bus, clock.now()).catch(() => undefined);
    if (lagSeconds === undefined || lagSeconds >= ALARM_SECONDS === isLate) continue;
    isLate = !isLate;
    const fields = { service, lagSeconds: Math.round(lagSeconds) };
    if (isLate) logger.error(fields, `events wait for more than ${ALARM_SECONDS} s to be published`);
    else logger.info(fields, 'events are published in time again');
  }
};
