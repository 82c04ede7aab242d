import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  PipelineRequested,
  RUNNER_SIGNAL,
  pipelineStream,
  triggerStream,
  type NewEvent,
  type RecordedEvent,
  type RunnerOffer,
} from '@foldline/contracts';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { Projector, localSignals } from '@foldline/host';
import {
  COMMANDS,
  Commands,
  PORT,
  QUEUE_RULES,
  soleClaims,
  type Claims,
  type Clock,
  type EventStore,
  type EventToAppend,
  type Logger,
  type QueueRules,
  type ReadModels,
  type ReadStore,
  type Settings,
  type Signals,
} from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { Collected } from '@foldline/testing';
import { DispatchService } from '../dispatch/dispatch.service.ts';
import { SchedulerEvents } from '../scheduler.events.ts';
import { SchedulerModule } from '../scheduler.module.ts';
import { pipelineContext } from './plan-builder.ts';

/** Pipelines that have been asked for, `p0` and so on; what read models do not know of, a scheduler never meets. */
const REQUESTED = 16;

const requestFor = (pipelineId: string): EventToAppend => {
  const { project, ref, source, variables, projectVariables, secrets } = pipelineContext(pipelineId);
  return {
    ...PipelineRequested({ pipelineId, project, ref, source, variables, projectVariables, secrets }),
    id: `requested ${pipelineId}`,
    causationId: 'elsewhere',
    correlationId: pipelineId,
    actor: { kind: 'user', id: 'ada' },
  };
};

/** Three minutes, as by default. */
export const LEASE_MS = 180_000;

type Started = {
  store: EventStore;
  signals: Signals;
  claims: Claims;
  clock: Clock;
  readModels: ReadModels;
  queueRules: QueueRules;
};
export type Scheduler = { app: INestApplicationContext; events: SchedulerEvents; dispatch: DispatchService };

/** Schedulers on one log, each with a command loop of its own as in a process of its own. */
export class Schedulers {
  readonly log = new Collected();
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly signals = localSignals();
  private readonly closing = new AbortController();
  private readonly running = new Set<Scheduler>();
  private hellos = 0;

  private constructor(
    private readonly directory: string,
    readonly clock: Clock,
    readonly store: EventStore,
    private readonly reads: ReadStore,
    private readonly projector: Projector,
    private readonly following: { done: Promise<void> },
  ) {}

  static async open(clock: Clock): Promise<Schedulers> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-scheduler-'));
    const store = await openEmbeddedEventStore({ directory, now: () => clock.now() });
    for (const pipelineId of Array.from({ length: REQUESTED }, (_, n) => `p${n}`))
      await store.append(triggerStream(pipelineId), [requestFor(pipelineId)], -1);
    const reads = await openEmbeddedReadStore({ directory: join(directory, 'read-models') });
    const projector = new Projector(store, reads, READ_MODELS, clock, silent);
    await projector.start();
    const following = { done: Promise.resolve() };
    const schedulers = new Schedulers(directory, clock, store, reads, projector, following);
    following.done = store.follow(0, (events) => schedulers.log.add(events), schedulers.closing.signal);
    return schedulers;
  }

  /** The same store with other ways to append is a broken network; a clock of its own makes a process that can freeze. */
  async start({
    store = this.store,
    signals = this.signals,
    claims = soleClaims(),
    clock = this.clock,
    readModels = this.projector,
    queueRules = QUEUE_RULES,
  }: Partial<Started> = {}): Promise<Scheduler> {
    const values: [symbol, unknown][] = [
      [PORT.eventStore, store],
      [PORT.readStore, this.reads],
      [PORT.readModels, readModels],
      [PORT.settings, { highPowerOwners: ['ada'], runnerLeaseMs: LEASE_MS, queueRules } as unknown as Settings],
      [PORT.clock, clock],
      [PORT.signals, signals],
      [PORT.claims, claims],
      [
        PORT.logger,
        {
          ...silent,
          warn: (_fields: object, message: string) => void this.warnings.push(message),
          error: (_fields: object, message: string) => void this.errors.push(message),
        },
      ],
      [COMMANDS, new Commands(store, clock, 'scheduler')],
    ];
    const providers = values.map(([provide, useValue]) => ({ provide, useValue }));
    @Global()
    @Module({ providers, exports: providers.map(({ provide }) => provide) })
    class Ports {}
    @Module({ imports: [Ports, SchedulerModule] })
    class Host {}
    const app = await NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
    const scheduler = {
      app,
      events: app.get(SchedulerEvents, { strict: false }),
      dispatch: app.get(DispatchService, { strict: false }),
    };
    this.running.add(scheduler);
    return scheduler;
  }

  async stop(scheduler: Scheduler): Promise<void> {
    if (this.running.delete(scheduler)) await scheduler.app.close();
  }

  async close(): Promise<void> {
    for (const scheduler of this.running) await this.stop(scheduler);
    this.closing.abort();
    await this.following.done;
    await this.projector.stop();
    await this.reads.close();
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A runner that answers whoever asks who is there, and tells those who are there already. */
  async runner(runnerId: string, offer: RunnerOffer, epoch = 'e1'): Promise<void> {
    const hello = () => {
      const number = (this.hellos += 1);
      return this.signals.send(RUNNER_SIGNAL.hello, { runnerId, epoch, number, alone: false, offer });
    };
    this.signals.listen(RUNNER_SIGNAL.whoIsThere, () => void hello());
    await hello();
  }

  /** Resolves when the pipeline's log holds this many events of a type. */
  async until(type: string, count = 1, pipelineId = 'p1'): Promise<RecordedEvent[]> {
    const found = (): RecordedEvent[] =>
      this.log.events.filter((event) => event.type === type && event.stream === pipelineStream(pipelineId));
    await this.log.when(() => found().length >= count);
    return found();
  }
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** An event of another service as it arrives; the same id is the same event. */
export const arriving = <Type extends string, Data extends object>(
  event: NewEvent<Type, Data>,
  id: string,
): RecordedEvent<Type, Data> => ({
  ...event,
  id,
  stream: 'trigger-elsewhere',
  revision: 0,
  position: 1,
  causationId: 'elsewhere',
  correlationId: 'pipelineId' in event.data ? String(event.data.pipelineId) : 'project-elsewhere',
  actor: { kind: 'user', id: 'ada' },
  recordedAt: '2030-01-01T00:00:00.000Z',
});
