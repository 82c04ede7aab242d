import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';

/** Answers that last: they end when the client goes away, and all at once when the server stops. */
@Injectable()
export class OpenStreams implements BeforeApplicationShutdown {
  private readonly endings = new Set<() => void>();
  private stopping = false;

  /** Calls `end` once when the server stops. The result takes it back. */
  add(end: () => void): () => void {
    if (this.stopping) {
      end();
      return () => {};
    }
    this.endings.add(end);
    return () => void this.endings.delete(end);
  }

  get size(): number {
    return this.endings.size;
  }

  beforeApplicationShutdown(): void {
    this.stopping = true;
    for (const end of this.endings) end();
    this.endings.clear();
  }
}
