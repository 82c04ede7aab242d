import { TransientError, type Signals } from '@foldline/kernel';
import type { Follower } from './followers.ts';
import { parseTailHint, tailTopic, type TailHint } from './hints.ts';
import type { S3LogLimits } from './options.ts';
import { StaleView, type RemoteLogs, type RemoteView } from './remote-logs.ts';

const LIVE_BYTES = 1024 * 1024;
const READ_BYTES = 1024 * 1024;
/** Every so many looks everything is listed again, so that a deletion nobody told of is seen. */
const FULL_LOOK = 10;

/** The followed logs that other hosts write; one look at the bucket serves all followers of a log. */
export class Tails {
  private readonly tails = new Map<string, Tail>();

  constructor(
    private readonly remote: RemoteLogs,
    private readonly signals: Signals,
    private readonly limits: S3LogLimits,
  ) {}

  join(attemptId: string, follower: Follower): Tail {
    const tail = this.tails.get(attemptId) ?? new Tail(attemptId, this.remote, this.signals, this.limits);
    this.tails.set(attemptId, tail);
    tail.followers.add(follower);
    return tail;
  }

  close(): void {
    for (const tail of this.tails.values()) tail.close();
    this.tails.clear();
  }

  leave(attemptId: string, follower: Follower): void {
    const tail = this.tails.get(attemptId);
    tail?.followers.delete(follower);
    if (!tail || tail.followers.size > 0) return;
    tail.close();
    this.tails.delete(attemptId);
  }
}

/** The growing end of one log, from the segments in the bucket, sped up by hints. */
export class Tail {
  readonly followers = new Set<Follower>();
  private view: RemoteView | undefined;
  /** The log's length as last seen: tells one that was deleted from one that has not begun. */
  private known = 0;
  private deleted = false;
  /** Output that came as hints, without a gap. */
  private live: { offset: number; bytes: Buffer }[] = [];
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private looks = 0;
  private readonly timer: NodeJS.Timeout;
  private readonly stopListening: () => void;

  constructor(
    private readonly attemptId: string,
    private readonly remote: RemoteLogs,
    signals: Signals,
    limits: S3LogLimits,
  ) {
    this.stopListening = signals.listen(tailTopic(attemptId), (message) => this.heard(parseTailHint(message)));
    this.timer = setInterval(() => this.look(), limits.pollMs);
  }

  close(): void {
    clearInterval(this.timer);
    this.stopListening();
  }

  /** The next bytes from a position on; nothing when they are still to come, `end` when none will. */
  async pieceAt(position: number): Promise<Buffer | 'end' | undefined> {
    const live = this.livePiece(position);
    if (live) return live;
    try {
      this.view ??= await this.remote.view(this.attemptId);
      this.known = Math.max(this.known, this.view.end);
      if (this.deleted) return 'end';
      const end = Math.min(this.view.end, position + READ_BYTES);
      if (position < end) return await this.remote.readView(this.view, position, end);
      return this.view.seal ? 'end' : undefined;
    } catch (error) {
      // Hidden by trouble that passes, or compacted meanwhile: the next look tells.
      if (!(error instanceof TransientError) && !(error instanceof StaleView)) throw error;
      if (error instanceof StaleView) this.forgetView();
      return undefined;
    }
  }

  private livePiece(position: number): Buffer | undefined {
    const piece = this.live.find(({ offset, bytes }) => offset <= position && position < offset + bytes.length);
    return piece?.bytes.subarray(position - piece.offset);
  }

  private heard(news: TailHint | undefined): void {
    if (!news) return;
    if ('kind' in news) {
      if (news.kind === 'deleted') this.forgetView();
      return this.look();
    }
    const last = this.live.at(-1);
    if (last && last.offset + last.bytes.length !== news.offset) this.live = [];
    this.live.push(news);
    let bytes = this.live.reduce((sum, piece) => sum + piece.bytes.length, 0);
    while (bytes > LIVE_BYTES) bytes -= this.live.shift()?.bytes.length ?? bytes;
    this.wake();
  }

  /** Looks once at a time; what is asked for meanwhile is looked at afterwards. */
  private look(): void {
    this.lookAgain = this.looking !== undefined;
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = undefined;
      this.wake();
      if (this.lookAgain) this.look();
    });
  }

  private async lookOnce(): Promise<void> {
    this.looks += 1;
    const earlier = this.looks % FULL_LOOK === 0 ? undefined : this.view;
    try {
      const view = await this.remote.view(this.attemptId, earlier);
      this.deleted = this.known > 0 && view.end === 0 && !view.seal;
      this.known = Math.max(this.known, view.end);
      this.view = view;
    } catch (error) {
      // The follower that needs the bytes meets lasting trouble by itself; passing trouble ends with a later look.
      if (!(error instanceof TransientError)) this.view = undefined;
    }
  }

  private forgetView(): void {
    this.remote.forget(this.attemptId);
    this.view = undefined;
    this.look();
  }

  private wake(): void {
    for (const follower of this.followers) follower.wake();
  }
}
