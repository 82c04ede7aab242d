import type { Signals } from '@foldline/kernel';

const PIECE_BYTES = 64 * 1024;
/** More than this between two sendings comes by segments instead, which are then full and quick. */
const PIECES_AT_ONCE = 4;
const PAUSE_MS = 100;

/** To every host that writes: `wanted` asks for the bytes to be uploaded now, `sealed` and `deleted` end the spool. */
export const WRITERS_TOPIC = 'log.writers';
export type WriterHint = { attemptId: string; kind: 'wanted' | 'sealed' | 'deleted' };

/** To those who follow one log. */
export const tailTopic = (attemptId: string): string => `log.tail.${attemptId}`;
export type TailHint = { offset: number; bytes: Buffer } | { kind: 'uploaded' | 'sealed' | 'deleted' };

const fieldsOf = (message: unknown): Record<string, unknown> =>
  typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : {};

export const parseWriterHint = (message: unknown): WriterHint | undefined => {
  const { attemptId, kind } = fieldsOf(message);
  const known = kind === 'wanted' || kind === 'sealed' || kind === 'deleted';
  return typeof attemptId === 'string' && known ? { attemptId, kind } : undefined;
};

export const parseTailHint = (message: unknown): TailHint | undefined => {
  const { kind, offset, bytes } = fieldsOf(message);
  if (kind === 'uploaded' || kind === 'sealed' || kind === 'deleted') return { kind };
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || typeof bytes !== 'string') return undefined;
  return { offset, bytes: Buffer.from(bytes, 'base64') };
};

/** Hints are sent and forgotten: where they cannot be sent, the others find out by looking. */
export const hint = (signals: Signals, topic: string, message: unknown): void => {
  signals.send(topic, message).catch(() => undefined);
};

/** The readable end of a log that is being written. */
export type Growing = { readonly base: number; readonly end: number; read(start: number, end: number): Buffer };

/** Sends new output to those who watch: the first at once, a flood gathered, and of too much only the end. */
export class LivePublisher {
  private published: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly signals: Signals,
    private readonly attemptId: string,
    private readonly source: Growing,
  ) {
    this.published = source.end;
  }

  appended(): void {
    // Never within the append itself, which should not wait for it.
    this.timer ??= setTimeout(() => this.publish(), 0).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private publish(): void {
    const { end } = this.source;
    const from = end - this.published > PIECES_AT_ONCE * PIECE_BYTES ? end - PIECE_BYTES : this.published;
    for (let at = from; at < end; at += PIECE_BYTES) {
      const bytes = this.source.read(at, Math.min(end, at + PIECE_BYTES)).toString('base64');
      hint(this.signals, tailTopic(this.attemptId), { offset: at, bytes });
    }
    this.published = end;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.source.end > this.published) this.appended();
    }, PAUSE_MS).unref();
  }
}
