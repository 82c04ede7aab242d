import { setTimeout as sleep } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import type { ServiceName } from '@foldline/contracts';
import { TransientError } from '@foldline/kernel';
import {
  createLogger,
  exitBecause,
  readServiceSettings,
  startServices,
  stopOnSignals,
  type Drains,
  type ServiceSettings,
} from '@foldline/host';
import { openDistributedPorts, type DistributedPorts } from './distributed-ports.ts';
import { startOpsServer } from './ops-server.ts';
import { relayLagSeconds, watchRelay } from './relay-alarm.ts';
import { giveBackStartMemory } from './start-memory.ts';
import { Telemetry } from './telemetry.ts';

const RETRY_MS = 1_000;
const RELAYED_MS = 3_000;
const RELAY_LOOK_MS = 50;

/** A service under way in its own process. `url` where it listens for more than the operations port. */
export type Running = { url?: string; drain?: (forced: AbortSignal) => Promise<void>; stop: () => Promise<void> };
export type StartService = (opened: DistributedPorts, telemetry: Telemetry) => Promise<Running>;

/** How a service that is a Nest module behind the bus is started. */
export const behindTheBus =
  (name: ServiceName, module: Type, drain?: Type<Drains>): StartService =>
  ({ ports, group }, { around }) =>
    startServices([{ name, module, group, ...(drain ? { drain } : {}) }], ports, around);

export type Program = {
  service: ServiceName;
  start: StartService;
  /** Name of the projections that this release reads. */
  readModelsName: string;
  environment: Readonly<Record<string, string | undefined>>;
};

/**
 * The main program of one service in distributed mode: settings, servers, the service, its relay and its operations
 * port. Waits for servers that do not answer yet; ends in order on SIGTERM.
 */
export const runService = async ({ service, start, readModelsName, environment }: Program): Promise<void> => {
  try {
    const settings = readServiceSettings(environment, service);
    const telemetry = new Telemetry(service, settings.version, settings.servers.otlpUrl);
    const opened = await openPorts(service, settings, readModelsName, telemetry);
    const running = await start(opened, telemetry);
    opened.startRelay();
    measure(service, opened, telemetry);
    const ops = await startOpsServer(
      { host: settings.host, port: settings.servers.opsPort },
      telemetry.metrics,
      opened.checks,
    );
    const { logger, clock, eventBus } = opened.ports;
    const stopping = new AbortController();
    void giveBackStartMemory(clock, stopping.signal);
    void watchRelay({ service, bus: eventBus, clock, logger }, stopping.signal);
    stopOnSignals({
      drainMs: settings.drainMs,
      ...(running.drain ? { drain: running.drain } : {}),
      stop: async () => {
        ops.stopping();
        stopping.abort();
        await running.stop();
        await relayed(service, opened);
        await opened.close();
        await telemetry.close();
        await ops.close();
      },
    });
    logger.info(
      { service, version: settings.version, opsPort: ops.port, ...(running.url ? { url: running.url } : {}) },
      'the service is up',
    );
  } catch (error) {
    exitBecause(error);
  }
};

/** Servers that start beside us take their time; what is wrong for good ends the process. */
const openPorts = async (
  service: ServiceName,
  settings: ServiceSettings,
  readModelsName: string,
  telemetry: Telemetry,
): Promise<DistributedPorts> => {
  const logger = createLogger(settings.logLevel);
  for (;;) {
    try {
      return await openDistributedPorts(service, settings, readModelsName, telemetry);
    } catch (err) {
      if (!(err instanceof TransientError)) throw err;
      logger.warn({ err, service }, 'a server does not answer yet; waiting for it');
      await sleep(RETRY_MS);
    }
  }
};

/**
 * Waits until what this service has appended is in the topic: perhaps no other process of it is there to bring it, and
 * others wait for how the last jobs of a runner ended. Whatever is not there by then is brought by the next process.
 */
const relayed = async (service: ServiceName, { ports: { eventBus, logger } }: DistributedPorts): Promise<void> => {
  const late = new AbortController();
  const bring = async (): Promise<void> => {
    for (let end: number | undefined; !late.signal.aborted; await sleep(RELAY_LOOK_MS)) {
      const [relay] = await eventBus.relays([service]);
      end ??= relay?.storePosition;
      if (!relay?.oldest || relay.oldest.position > end!) return;
    }
  };
  const brought = bring().catch((err: unknown) => {
    logger.warn({ err, service }, 'how far the relay has come is not known');
  });
  await Promise.race([brought, sleep(RELAYED_MS, undefined, { ref: false })]);
  late.abort();
};

const measure = (service: ServiceName, { ports, group }: DistributedPorts, { metrics }: Telemetry): void => {
  const { eventBus } = ports;
  const lag = async (): Promise<number> => (await eventBus.lag([group])).groups[0]?.lag ?? 0;
  // The gateway handles no events; its group stays at the beginning for ever.
  if (service !== 'api-gateway')
    metrics.gauge('foldline_consumer_lag', 'Events in the topic that the service has not handled yet', lag);
  metrics.gauge('foldline_parked_keys', 'Keys whose events wait because one of them could not be handled', async () => {
    const parked = await eventBus.parked.list();
    return parked.filter((stream) => stream.group === group).length;
  });
  metrics.gauge('foldline_relay_lag_seconds', 'Age of the oldest event that is in the log and not in the topic', () =>
    relayLagSeconds(service, eventBus, ports.clock.now()),
  );
};
