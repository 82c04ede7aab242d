import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { postJson } from './post.ts';
import { checkTarget, type Target } from './target.ts';

let server: Server | undefined;

const listen = async (listener: RequestListener): Promise<number> => {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};
const targetAt = (port: number, path = '/hook'): Promise<Target> =>
  checkTarget(`http://127.0.0.1:${port}${path}`, true);
const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
};

afterEach(async () => {
  server?.closeAllConnections();
  if (server?.listening) await new Promise((resolve) => server!.close(resolve));
  server = undefined;
});

describe('posting a message', () => {
  it('sends the body and the headers and answers the status', async () => {
    let received: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string } | undefined;
    const port = await listen(async (request, response) => {
      received = { method: request.method!, url: request.url!, headers: request.headers, body: await bodyOf(request) };
      response.writeHead(202).end('thanks');
    });
    const answer = await postJson(await targetAt(port), '{"text":"ü"}', { 'x-foldline-delivery': 'n1' }, 5_000);
    expect(answer).toEqual({ status: 202 });
    expect(received).toMatchObject({
      method: 'POST',
      url: '/hook',
      body: '{"text":"ü"}',
      headers: { 'content-type': 'application/json', 'x-foldline-delivery': 'n1', host: `127.0.0.1:${port}` },
    });
  });

  it('connects to the checked address and does not look the name up again', async () => {
    let host: string | undefined;
    const port = await listen((request, response) => {
      host = request.headers.host;
      response.end();
    });
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const target = await checkTarget(`http://no-such-name.invalid:${port}/`, true, resolve);
    expect(await postJson(target, '{}', {}, 5_000)).toEqual({ status: 200 });
    expect(host).toBe(`no-such-name.invalid:${port}`);
  });

  it('does not follow a redirect', async () => {
    const paths: string[] = [];
    const port = await listen((request, response) => {
      paths.push(request.url!);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await postJson(await targetAt(port), '{}', {}, 5_000)).toEqual({ status: 307 });
    expect(paths).toEqual(['/hook']);
  });

  it('gives up on a receiver that does not answer in time', async () => {
    const port = await listen(() => undefined);
    expect(await postJson(await targetAt(port), '{}', {}, 150)).toEqual({ error: 'no answer in time' });
  });

  it('counts a status whose answer never ends', async () => {
    const port = await listen((_request, response) => void response.writeHead(200).write('and so on'));
    expect(await postJson(await targetAt(port), '{}', {}, 300)).toEqual({ status: 200 });
  });

  it('stops reading an answer without end', async () => {
    let written = 0;
    const port = await listen((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await postJson(await targetAt(port), '{}', {}, 10_000)).toEqual({ status: 200 });
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('tells that nobody listens, without the address', async () => {
    const port = await listen(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    const answer = await postJson(await targetAt(port, '/secret-token'), '{}', {}, 5_000);
    expect(answer).toEqual({ error: 'no connection (ECONNREFUSED)' });
  });

  it('survives a receiver that hangs up or speaks nonsense', async () => {
    const port = await listen((request) => request.socket.end('nonsense\r\n\r\n'));
    expect(await postJson(await targetAt(port), '{}', {}, 5_000)).toHaveProperty('error');
  });
});
