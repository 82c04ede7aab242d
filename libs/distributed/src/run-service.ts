import { setTimeout as sleep } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import type { ServiceName } from '@foldline/contracts';
import { TransientError, type Logger } from '@foldline/kernel';
import {
  createLogger,
  exitBecause,
  readServiceSettings,
  startServices,
  stopOnSignals,
  systemClock,
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

/** Says what the process is at while it stops. */
type Now = (step: string) => void;

/** A service under way in its own process. `url` where it listens for more than the operations port. */
export type Running = {
  url?: string;
  drain?: (forced: AbortSignal) => Promise<void>;
  stop: (now: Now) => Promise<void>;
};
type Up = { opened: DistributedPorts; running: Running };
export type StartService = (opened: DistributedPorts, telemetry: Telemetry) => Promise<Running>;

/** How a service that is a Nest module behind the bus is started. */
export const behindTheBus =
  (name: ServiceName, module: Type, drain?: Type<Drains>): StartService =>
  ({ ports, group }, observer) =>
    startServices([{ name, module, group, ...(drain ? { drain } : {}) }], ports, observer);

export type Program = {
  service: ServiceName;
  start: StartService;
  /** Name of the projections that this release reads. */
  readModelsName: string;
  environment: Readonly<Record<string, string | undefined>>;
};

/**
 * The main program of one service in distributed mode: settings, operations port, servers, the service and its relay.
 * Waits for servers that do not answer yet; ends in order on SIGTERM, also while it waits.
 */
export const runService = async (program: Program): Promise<void> => {
  const { service, environment } = program;
  try {
    const settings = readServiceSettings(environment, service);
    const logger = createLogger(settings.logLevel, service);
    const telemetry = new Telemetry(service, settings.version, settings.servers.otlpUrl);
    const ops = await startOpsServer({ host: settings.host, port: settings.servers.opsPort }, telemetry.metrics);
    const stopping = new AbortController();
    const starting = bringUp(program, settings, telemetry, logger, stopping.signal);
    let up: Up | undefined;
    stopOnSignals({
      drainMs: settings.drainMs,
      drain: async (forced) => up?.running.drain?.(forced),
      stop: async (now) => {
        ops.stopping();
        stopping.abort();
        now('to start');
        await takeDown(service, await starting, now);
        now('to send its last traces');
        await telemetry.close();
        await ops.close();
      },
    });
    up = await starting;
    if (!up) return;
    ops.ready(up.opened.checks);
    watch(service, up, telemetry, stopping.signal);
    const { url } = up.running;
    logger.info(
      { service, version: settings.version, opsPort: ops.port, ...(url ? { url } : {}) },
      'the service is up',
    );
  } catch (error) {
    exitBecause(error);
  }
};

const bringUp = async (
  program: Program,
  settings: ServiceSettings,
  telemetry: Telemetry,
  logger: Logger,
  stopping: AbortSignal,
): Promise<Up | undefined> => {
  const opened = await openPorts(program, settings, telemetry, logger, stopping);
  if (!opened) return undefined;
  const running = await program.start(opened, telemetry);
  opened.startRelay();
  return { opened, running };
};

/**
 * Servers that start beside us take their time; what is wrong for good ends the process. Answers with nothing when it
 * was told to stop meanwhile.
 */
const openPorts = async (
  { service, readModelsName }: Program,
  settings: ServiceSettings,
  telemetry: Telemetry,
  logger: Logger,
  stopping: AbortSignal,
): Promise<DistributedPorts | undefined> => {
  const told = new Promise<undefined>((resolve) => {
    stopping.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  while (!stopping.aborted) {
    try {
      return await Promise.race([openDistributedPorts(service, settings, readModelsName, telemetry), told]);
    } catch (err) {
      if (!(err instanceof TransientError)) throw err;
      logger.warn({ err, service }, 'a server does not answer yet; waiting for it');
      await systemClock.sleep(RETRY_MS, stopping);
    }
  }
  return undefined;
};

const takeDown = async (service: ServiceName, up: Up | undefined, now: Now): Promise<void> => {
  if (!up) return;
  now('to end what it was doing');
  await up.running.stop(now);
  now('to bring its last events to Kafka');
  await relayed(service, up.opened);
  now('to let go of its servers');
  await up.opened.close();
};

const watch = (service: ServiceName, { opened }: Up, telemetry: Telemetry, stopping: AbortSignal): void => {
  const { logger, clock, eventBus } = opened.ports;
  measure(service, opened, telemetry);
  void giveBackStartMemory(clock, stopping);
  void watchRelay({ service, bus: eventBus, clock, logger }, stopping);
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
  metrics.gauge('foldline_consumer_lag', 'Events in the topic that the service has not handled yet', lag);
  metrics.gauge('foldline_parked_keys', 'Keys whose events wait because one of them could not be handled', async () => {
    const parked = await eventBus.parked.list();
    return parked.filter((stream) => stream.group === group).length;
  });
  metrics.gauge('foldline_relay_lag_seconds', 'Age of the oldest event that is in the log and not in the topic', () =>
    relayLagSeconds(service, eventBus, ports.clock.now()),
  );
};
