import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

type Message = { path: string; id: string };

/**
 * Whom notifications go to: at `/gone` it refuses for good, at `/shaky` each message once. It answers in a thread of its
 * own, so that nobody waits for it because the tests are busy.
 */
export class Receiver {
  private constructor(
    private readonly thread: Worker,
    readonly host: string,
  ) {}

  static async listen(): Promise<Receiver> {
    const thread = new Worker(new URL('./receiver.worker.mjs', import.meta.url));
    const [port] = (await once(thread, 'message')) as [number];
    return new Receiver(thread, `127.0.0.1:${port}`);
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** How often each message came, by path. */
  async heard(): Promise<Record<string, number[]>> {
    this.thread.postMessage('heard');
    const [messages] = (await once(this.thread, 'message')) as [Message[]];
    const heard: Record<string, number[]> = {};
    for (const { path, id } of new Map(messages.map((each) => [each.id, each])).values())
      heard[path] = [...(heard[path] ?? []), messages.filter((each) => each.id === id).length];
    return heard;
  }

  async close(): Promise<void> {
    await this.thread.terminate();
  }
}
