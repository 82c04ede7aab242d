import { PermanentError, TransientError, type LogFrame, type Signals } from '@foldline/kernel';
import { hint, LivePublisher, tailTopic } from './hints.ts';
import { LocalLog } from './local-log.ts';
import type { S3LogLimits } from './options.ts';
import type { RemoteLogs, RemoteView } from './remote-logs.ts';
import { Room } from './room.ts';
import { SegmentUploader } from './segment-uploader.ts';
import { SpoolFiles, type Spool } from './spool.ts';

/** So many logs that were let go are known: what comes for one of them is not its beginning. */
const MAX_LET_GO = 1_024;

/** The logs that this process writes, or that it wrote before it was started again. */
export class LocalLogs {
  readonly room: Room;
  /** Told of a log that was sealed elsewhere before it was begun here. */
  late: (attemptId: string, log: LocalLog) => void = () => undefined;
  private readonly files: SpoolFiles;
  private readonly recovered: Map<string, Spool>;
  private readonly logs = new Map<string, LocalLog>();
  private readonly letGo = new Set<string>();
  private readonly opening = new Map<string, Promise<unknown>>();

  constructor(
    directory: string,
    private readonly remote: RemoteLogs,
    private readonly signals: Signals,
    private readonly limits: S3LogLimits,
  ) {
    this.files = new SpoolFiles(directory);
    this.recovered = this.files.recover();
    this.room = new Room(limits.spoolBytes);
  }

  /** The log, if this process has it and has looked at what of it is in the bucket. */
  peek(attemptId: string): LocalLog | undefined {
    return this.logs.get(attemptId);
  }

  entries(): IterableIterator<[string, LocalLog]> {
    return this.logs.entries();
  }

  /** Uploads what an earlier process left. */
  resume(): Promise<unknown> {
    return Promise.allSettled(Array.from(this.recovered.keys(), (attemptId) => this.find(attemptId)));
  }

  /** The log, if it was written on this host. */
  async find(attemptId: string): Promise<LocalLog | undefined> {
    for (;;) {
      const log = this.logs.get(attemptId);
      const spool = this.recovered.get(attemptId);
      if (log || !spool) return log;
      const opened = await this.openOnce(attemptId, () => this.reopen(attemptId, spool));
      if (opened) return opened;
    }
  }

  /** The log, begun here with this frame when that continues what is in the bucket; the view when it does not. */
  async findOrBegin(attemptId: string, frame: LogFrame): Promise<LocalLog | RemoteView> {
    for (;;) {
      const found = await this.find(attemptId);
      if (found) return found;
      const begun = await this.beginOnce(attemptId, frame);
      if (begun) return begun;
    }
  }

  /** Lets go of a log: it is sealed, or deleted. */
  forget(attemptId: string): void {
    const log = this.logs.get(attemptId);
    const spool = log?.spool ?? this.recovered.get(attemptId);
    this.logs.delete(attemptId);
    this.recovered.delete(attemptId);
    if (log && !log.failure) this.room.add(-log.uploader.unsent);
    log?.stop();
    spool?.remove();
    this.letGo.add(attemptId);
    if (this.letGo.size > MAX_LET_GO) this.letGo.delete(this.letGo.values().next().value ?? '');
  }

  /** Stops without uploading; the next start goes on from the spools. */
  close(): void {
    for (const log of this.logs.values()) {
      log.stop();
      log.spool.closeFile();
    }
  }

  private async openOnce<T extends LocalLog | RemoteView | undefined>(
    attemptId: string,
    open: () => Promise<T>,
  ): Promise<T | undefined> {
    const before = this.opening.get(attemptId);
    // Whoever asked first may have asked for something else: the caller looks again.
    if (before) return void (await before.catch(() => undefined));
    const work = open().finally(() => this.opening.delete(attemptId));
    this.opening.set(attemptId, work);
    return work;
  }

  /**
   * An attempt has one writer, so who writes its first frame need not look: nothing is there. Should something be there
   * for all that, it is met at the first upload, which overwrites nothing.
   */
  private async beginOnce(attemptId: string, frame: LogFrame): Promise<LocalLog | RemoteView | undefined> {
    return this.openOnce(attemptId, async () => {
      const isFirst = frame.offset === 0 && frame.sequence === 0 && frame.bytes.length > 0;
      if (isFirst && !this.letGo.has(attemptId)) return this.add(attemptId, this.files.create(attemptId, 0), 0, true);
      const view = await this.viewOr(attemptId, frame.offset === 0 ? { segments: [], end: 0 } : undefined);
      const begins = !view.seal && frame.offset === view.end && frame.bytes.length > 0;
      if (!begins || (view.end === 0 && frame.sequence !== 0)) return view;
      return this.add(attemptId, this.files.create(attemptId, view.end), view.end);
    });
  }

  private async reopen(attemptId: string, spool: Spool): Promise<LocalLog | undefined> {
    const view = await this.viewOr(attemptId, { segments: [], end: spool.base });
    if (view.seal) {
      this.forget(attemptId);
      return undefined;
    }
    this.recovered.delete(attemptId);
    if (view.end <= spool.end) {
      const log = this.add(attemptId, spool, Math.max(view.end, spool.base));
      log.uploader.start();
      return log;
    }
    // The disk lost what had been uploaded already: the bucket knows better.
    spool.remove();
    return this.add(attemptId, this.files.create(attemptId, view.end), view.end);
  }

  /** While the bucket cannot be reached, output goes on into the spool wherever that is enough to know the offset. */
  private async viewOr(attemptId: string, otherwise: RemoteView | undefined): Promise<RemoteView> {
    try {
      return await this.remote.view(attemptId);
    } catch (error) {
      if (!(error instanceof TransientError) || !otherwise) throw error;
      return otherwise;
    }
  }

  private add(attemptId: string, spool: Spool, uploaded: number, unseen = false): LocalLog {
    const uploader = new SegmentUploader(this.remote, { attemptId, source: spool, uploaded, unseen }, this.limits, {
      uploaded: (bytes) => {
        this.room.add(-bytes);
        hint(this.signals, tailTopic(attemptId), { kind: 'uploaded' });
      },
      failed: (error: PermanentError) => {
        log.failure = error;
        this.room.add(-uploader.unsent);
      },
      late: () => this.late(attemptId, log),
    });
    const log = new LocalLog(spool, uploader, new LivePublisher(this.signals, attemptId, spool));
    this.room.add(uploader.unsent);
    this.logs.set(attemptId, log);
    return log;
  }
}
