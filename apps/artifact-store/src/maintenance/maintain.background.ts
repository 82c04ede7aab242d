import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { maintenanceStream, type MaintenanceRequested, type Recorded } from '@foldline/contracts';
import {
  because,
  COMMANDS,
  derivedId,
  PORT,
  shortOfDisk,
  type Claims,
  type Clock,
  type Commands,
  type EventStore,
  type Logger,
  type LogStore,
  type ObjectStore,
  type ReadModels,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';
import { BlobGate } from '../expiry/blob-gate.ts';
import { passDecider } from './pass.decider.ts';
import { finishPass, runPass, type Pass, type PassPorts, type PassResult } from './run-pass.ts';

/** How often it is looked whether a pass is due, and whether the disk is full. */
const LOOK_MS = 30_000;
const HOUR_MS = 3_600_000;
const CLAIM = { name: 'maintenance', ttlMs: 10_000 };
const CONTEND_AGAIN_MS = 1_000;

/**
 * Looks at everything that is kept once an hour, at once while the disk is short, and when somebody asks (S1-41). One
 * process of several does so; that two do is a waste and no harm.
 */
@Injectable()
export class Maintain implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly ports: PassPorts;
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private pass: Promise<unknown> = Promise.resolve();
  private leads = false;
  private lastPassAt: number;
  private isShort = false;

  constructor(
    @Inject(COMMANDS) commands: Commands,
    @Inject(PORT.eventStore) eventStore: EventStore,
    @Inject(PORT.readStore) readStore: ReadStore,
    @Inject(PORT.readModels) readModels: ReadModels,
    @Inject(PORT.objectStore) objectStore: ObjectStore,
    @Inject(PORT.logStore) logStore: LogStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.logger) private readonly logger: Logger,
    @Inject(PORT.claims) private readonly claims: Claims,
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(BlobGate) gate: BlobGate,
  ) {
    const rules = settings.retention;
    const stores = { eventStore, readStore, readModels, objectStore, logStore };
    this.ports = { commands, ...stores, clock, logger, gate, rules };
    // What a start with other settings is going to take can be looked at before it goes.
    this.lastPassAt = clock.monotonic();
  }

  onApplicationBootstrap(): void {
    this.running = Promise.all([this.contend(this.stopping.signal), this.run(this.stopping.signal)]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.pass;
  }

  /** Somebody wants a pass now. One that was heard of before is not done again. */
  async onRequested(event: Recorded<ReturnType<typeof MaintenanceRequested>>): Promise<void> {
    const { finished } = await this.ports.commands.stateOf(maintenanceStream(event.id), passDecider);
    if (finished) return;
    const pass: Pass = { id: event.id, cause: because(event, 'artifact-store'), trigger: 'requested' };
    const disk = await shortOfDisk(this.settings);
    if (disk) pass.disk = disk;
    await this.inTurn(async () => this.finish(pass, await runPass(this.ports, pass)));
  }

  private async contend(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.claims.contend({ ...CLAIM, signal, onChange: (held) => (this.leads = held) });
      } catch (err) {
        this.leads = false;
        this.logger.error({ err }, 'nobody can tell which process does the maintenance');
      }
      await this.clock.sleep(CONTEND_AGAIN_MS, signal);
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      if (!this.leads) continue;
      try {
        await this.look();
      } catch (err) {
        // Whatever failed, it is still due and the next look tries again.
        this.logger.error({ err }, 'what is over could not be pruned');
      }
    }
  }

  private async look(): Promise<void> {
    const disk = await shortOfDisk(this.settings);
    const wasShort = this.isShort;
    this.isShort = disk !== undefined;
    if (disk && !wasShort)
      this.logger.warn(disk, 'the disk is short: snapshots and caches are pruned before their time');
    const now = this.clock.monotonic();
    const isDue = now - this.lastPassAt >= HOUR_MS;
    if (!disk && !isDue) return;
    const trigger = disk ? 'disk_pressure' : 'hourly';
    const id = derivedId('maintenance', trigger, this.clock.now());
    const pass: Pass = { id, cause: { id, actor: { kind: 'system', id: 'artifact-store' } }, trigger };
    if (disk) pass.disk = disk;
    await this.inTurn(async () => {
      const result = await runPass(this.ports, pass);
      this.lastPassAt = now;
      const { caches, logs, snapshots = 0, bytes } = result;
      if ((disk && !wasShort) || caches + logs + snapshots + bytes > 0) await this.finish(pass, result);
    });
  }

  private async finish(pass: Pass, result: PassResult): Promise<void> {
    await finishPass(this.ports, pass, result);
    this.logger.info(result, 'what is over was pruned');
  }

  /** One pass after the other. */
  private async inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.pass.then(work);
    this.pass = turn.catch(() => undefined);
    return turn;
  }
}
