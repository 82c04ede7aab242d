import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createServer as createProxy,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '@foldline/testing';

const NAME = 'registry-1.docker.io';

/**
 * A registry of this machine in the place of Docker Hub, for daemons that have its surroundings: what such a daemon asks
 * of Docker Hub it asks by a proxy, which brings it to that registry, with TLS.
 */
export class DockerHub {
  /** Of a daemon (Docker, "Daemon proxy configuration"). */
  readonly surroundings: Readonly<Record<string, string>>;

  private constructor(
    private readonly directory: string,
    private readonly servers: readonly Server[],
    proxy: number,
  ) {
    this.surroundings = {
      HTTPS_PROXY: `http://127.0.0.1:${proxy}`,
      SSL_CERT_FILE: join(directory, 'ca.pem'),
    };
  }

  static async open(registry: string): Promise<DockerHub> {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-hub-'));
    await makeCertificates(directory, NAME);
    const [cert, key] = ['server.pem', 'server-key.pem'].map((name) => readFileSync(join(directory, name)));
    const hub = createServer({ cert, key }, (asked, answer) => passOn(asked, answer, registry));
    const proxy = createProxy();
    const port = await listening(hub);
    proxy.on('connect', ({ url }: IncomingMessage, client) => {
      if (url !== `${NAME}:443`) return void client.end('HTTP/1.1 502 Only Docker Hub is reached from here\r\n\r\n');
      const server = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
      client.pipe(server).pipe(client);
      client.on('error', () => server.destroy());
      server.on('error', () => client.destroy());
    });
    return new DockerHub(directory, [hub, proxy], await listening(proxy));
  }

  close(): void {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

/** The registry names itself in its answers, as who was asked. */
const passOn = (asked: IncomingMessage, answer: ServerResponse, registry: string): void => {
  const headers = { ...asked.headers, 'x-forwarded-proto': 'https' };
  const [host, port] = registry.split(':');
  const upstream = request({ host, port, method: asked.method, path: asked.url, headers }, (response) => {
    answer.writeHead(response.statusCode!, response.headers);
    response.pipe(answer);
  });
  upstream.on('error', () => answer.destroy());
  asked.pipe(upstream);
};
