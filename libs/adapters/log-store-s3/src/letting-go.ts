import { PermanentError, type Signals } from '@foldline/kernel';
import type { Followers } from './followers.ts';
import { parseWriterHint, WRITERS_TOPIC, type WriterHint } from './hints.ts';
import type { LocalLog } from './local-log.ts';
import type { LocalLogs } from './local-logs.ts';
import type { S3LogLimits } from './options.ts';
import type { RemoteLogs } from './remote-logs.ts';

/** Ends the logs of this process that were sealed or deleted elsewhere: told by hints, and found by looking now and then. */
export class LettingGo {
  private tidying: NodeJS.Timeout | undefined;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly remote: RemoteLogs,
    private readonly locals: LocalLogs,
    private readonly followers: Followers,
    private readonly limits: S3LogLimits,
  ) {
    locals.late = (attemptId, log) => void this.of(attemptId, log);
  }

  listen(signals: Signals): void {
    this.tidying = setInterval(() => void this.tidy(), this.limits.tidyMs).unref();
    this.stopListening = signals.listen(WRITERS_TOPIC, (message) => this.heard(parseWriterHint(message)));
  }

  stop(): void {
    clearInterval(this.tidying);
    this.stopListening();
  }

  /** A spool is not needed any more when the log was sealed elsewhere, or deleted; the bucket is asked, not the hint. */
  async of(attemptId: string, log: LocalLog, active = false): Promise<void> {
    try {
      const seal = await this.remote.findSeal(attemptId);
      if (active && !seal) return;
      const deleted = log.uploader.uploaded > 0 && (await this.remote.view(attemptId)).end === 0;
      if ((!seal && !deleted) || log.sealing || this.locals.peek(attemptId) !== log) return;
      this.locals.forget(attemptId);
      if (seal) this.followers.wake(attemptId);
      else this.followers.dismiss(attemptId);
    } catch (error) {
      // Asked again at the next tidying; a log that is damaged keeps its spool for whoever looks into it.
      if (error instanceof PermanentError) log.lastUsed = Infinity;
    }
  }

  private heard(news: WriterHint | undefined): void {
    if (!news) return;
    if (news.kind === 'deleted') this.remote.forget(news.attemptId);
    const log = this.locals.peek(news.attemptId);
    if (!log || log.sealing) return;
    if (news.kind === 'wanted') log.uploader.start();
    else void this.of(news.attemptId, log);
  }

  private async tidy(): Promise<void> {
    const idle = Date.now() - this.limits.tidyMs;
    for (const [attemptId, log] of this.locals.entries()) {
      if (!log.sealing) await this.of(attemptId, log, !log.failure && log.lastUsed > idle);
    }
  }
}
