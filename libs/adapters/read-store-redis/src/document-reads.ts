import type { RedisConnection } from '@foldline/redis';

/** How many documents one command asks for. */
const AT_ONCE = 500;

type Asked = { id: string; resolve: (text: unknown) => void; reject: (reason: unknown) => void };

/** Reads documents; those that are asked for in one go are asked for by one command for each collection. */
export class DocumentReads {
  private readonly asked = new Map<string, Asked[]>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly base: string,
  ) {}

  /** The stored text, or `null` when there is none. `collection` is a part of a key. */
  get(collection: string, id: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const asked = this.asked.get(collection);
      if (asked) {
        asked.push({ id, resolve, reject });
        return;
      }
      this.asked.set(collection, [{ id, resolve, reject }]);
      queueMicrotask(() => this.ask(collection));
    });
  }

  private ask(collection: string): void {
    const asked = this.asked.get(collection) ?? [];
    this.asked.delete(collection);
    for (let n = 0; n < asked.length; n += AT_ONCE) void this.answer(collection, asked.slice(n, n + AT_ONCE));
  }

  private async answer(collection: string, asked: readonly Asked[]): Promise<void> {
    const key = `${this.base}:documents:${collection}`;
    try {
      const texts = await this.redis.call('read documents', 'HMGET', key, ...asked.map(({ id }) => id));
      for (const [n, { resolve }] of asked.entries()) resolve((texts as unknown[])[n]);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
