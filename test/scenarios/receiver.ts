import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const NO_CONTENT = 204;
const GONE = 410;
const UNAVAILABLE = 503;

/** Whom notifications go to: at `/gone` it refuses for good, at `/shaky` each message once. */
export class Receiver {
  private readonly ids: { path: string; id: string }[] = [];
  private readonly server = createServer((request, response) => {
    const path = request.url!;
    const id = String(request.headers['webhook-id']);
    const isRepetition = this.ids.some((each) => each.id === id);
    this.ids.push({ path, id });
    const status = path === '/gone' ? GONE : path === '/shaky' && !isRepetition ? UNAVAILABLE : NO_CONTENT;
    request.resume().on('end', () => response.writeHead(status).end());
  });

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** How often each message came, by path. */
  get heard(): Record<string, number[]> {
    const heard: Record<string, number[]> = {};
    for (const { path, id } of new Map(this.ids.map((each) => [each.id, each])).values())
      heard[path] = [...(heard[path] ?? []), this.ids.filter((each) => each.id === id).length];
    return heard;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
