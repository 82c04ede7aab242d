import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  attemptIdOf,
  attemptStream,
  logStream,
  type AttemptFinished,
  type JobCancelled,
  type JobFailed,
  type JobRetried,
  type Recorded,
  type RecordedEvent,
} from '@foldline/contracts';
import {
  because,
  COMMANDS,
  PermanentError,
  PORT,
  TransientError,
  type Commands,
  type EventStore,
  type LogStore,
} from '@foldline/kernel';
import { logDecider } from './log.decider.ts';

type Attempt = { attemptId: string; jobId: string; pipelineId: string };
type Claim = { bytes: number; sha256: string };
type Sealed = Claim & { complete: boolean };

const READ_BYTES = 1024 * 1024;
/** How often a log that still grows is measured anew before the event is handed back to be tried later. */
const MEASUREMENTS = 5;

/** An attempt that has ended gets no more output: its log is synced, checked and closed. */
@Injectable()
export class SealLog {
  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.eventStore) private readonly store: EventStore,
    @Inject(PORT.logStore) private readonly logs: LogStore,
  ) {}

  async onAttemptFinished(event: Recorded<ReturnType<typeof AttemptFinished>>): Promise<void> {
    const { attemptId, jobId, pipelineId, log } = event.data;
    await this.sealOnce({ attemptId, jobId, pipelineId }, event, () => this.close(attemptId, log));
  }

  /** A lost runner may never say that its attempt has ended; sealing also stops it from writing if it is still alive. */
  async onJobFailed(event: Recorded<ReturnType<typeof JobFailed>>): Promise<void> {
    const { pipelineId, jobId, attempt, reason } = event.data;
    if (reason !== 'runner_lost') return;
    const attemptId = attemptIdOf(jobId, attempt);
    await this.sealOnce({ attemptId, jobId, pipelineId }, event, () => this.closeAsItIs(attemptId));
  }

  /** Of an attempt that was given to others before it began nobody tells the end. Who begins it late writes nothing. */
  async onJobRetried(event: Recorded<ReturnType<typeof JobRetried>>): Promise<void> {
    const { pipelineId, jobId, attempt, by } = event.data;
    if (by !== 'not_started') return;
    const attemptId = attemptIdOf(jobId, attempt - 1);
    await this.sealOnce({ attemptId, jobId, pipelineId }, event, () => this.closeAsItIs(attemptId));
  }

  /**
   * Of an attempt whose job was cancelled nobody tells the end when its runner is lost. Where the runner has told it, that
   * came before and the log is sealed already; where it never began, there is no log.
   */
  async onJobCancelled(event: Recorded<ReturnType<typeof JobCancelled>>): Promise<void> {
    const { pipelineId, jobId, attempt } = event.data;
    if (attempt === 0) return;
    const attemptId = attemptIdOf(jobId, attempt);
    const [began] = await this.store.readStream(attemptStream(attemptId), 0, 1);
    if (began) await this.sealOnce({ attemptId, jobId, pipelineId }, event, () => this.closeAsItIs(attemptId));
  }

  private async sealOnce(attempt: Attempt, event: RecordedEvent, close: () => Promise<Sealed>): Promise<void> {
    const stream = logStream(attempt.attemptId);
    if ((await this.commands.stateOf(stream, logDecider)).sealed) return;
    const sealed = await close();
    await this.commands.handle(
      stream,
      logDecider,
      { type: 'SealLog', log: { ...attempt, ...sealed } },
      because(event, 'artifact-store'),
    );
  }

  private async close(attemptId: string, log?: Claim): Promise<Sealed> {
    if (!log) return this.closeAsItIs(attemptId);
    const { bytes, sha256 } = log;
    try {
      await this.logs.seal(attemptId, { bytes, sha256 });
      return { bytes, sha256, complete: true };
    } catch (error) {
      // What is stored is not what the runner sent: keep what there is and say so, rather than hold up the pipeline.
      if (!(error instanceof PermanentError)) throw error;
      return this.closeAsItIs(attemptId);
    }
  }

  /** Seals the log where it has come. A writer that is still alive may outrun the measurement, which is then repeated. */
  private async closeAsItIs(attemptId: string): Promise<Sealed> {
    for (let tries = 1; ; tries += 1) {
      const claim = await this.measure(attemptId);
      try {
        await this.logs.seal(attemptId, claim);
        return { ...claim, complete: false };
      } catch (error) {
        const grown = (await this.logs.state(attemptId)).nextOffset !== claim.bytes;
        if (!(error instanceof PermanentError) || !grown) throw error;
        if (tries >= MEASUREMENTS) throw new TransientError(`the log of ${attemptId} still grows`, { cause: error });
      }
    }
  }

  private async measure(attemptId: string): Promise<Claim> {
    const hash = createHash('sha256');
    let bytes = 0;
    for (;;) {
      const part = await this.logs.read(attemptId, bytes, bytes + READ_BYTES);
      if (part.length === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(part);
      bytes += part.length;
    }
  }
}
