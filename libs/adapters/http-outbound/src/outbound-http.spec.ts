import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TransientError, type OutboundHttp } from '@foldline/kernel';
import { createOutboundHttp } from './outbound-http.ts';
import type { Resolve } from './target.ts';

let server: Server | undefined;

const listen = async (listener: RequestListener): Promise<number> => {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};
const addressOf = (port: number, path = '/hook'): string => `http://127.0.0.1:${port}${path}`;
const http = createOutboundHttp({ allowPrivateTargets: true });
const post = (
  address: string,
  body = '{}',
  headers: Record<string, string> = {},
  deadlineMs = 5_000,
): ReturnType<OutboundHttp['post']> => http.post(address, { body, headers, deadlineMs });
const get = (address: string, { mostBytes = 1_000, deadlineMs = 5_000, through = http } = {}) =>
  through.get(address, { mostBytes, deadlineMs });
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
    const answer = await post(addressOf(port), '{"text":"ü"}', { 'x-foldline-delivery': 'n1' }, 5_000);
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
    const through = createOutboundHttp({ allowPrivateTargets: true, resolve });
    const message = { body: '{}', headers: {}, deadlineMs: 5_000 };
    expect(await through.post(`http://no-such-name.invalid:${port}/`, message)).toEqual({ status: 200 });
    expect(host).toBe(`no-such-name.invalid:${port}`);
  });

  it('does not follow a redirect', async () => {
    const paths: string[] = [];
    const port = await listen((request, response) => {
      paths.push(request.url!);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await post(addressOf(port))).toEqual({ status: 307 });
    expect(paths).toEqual(['/hook']);
  });

  it('gives up on a receiver that does not answer in time', async () => {
    const port = await listen(() => undefined);
    expect(await post(addressOf(port), '{}', {}, 150)).toEqual({ error: 'no answer in time' });
  });

  it('counts a status whose answer never ends', async () => {
    const port = await listen((_request, response) => void response.writeHead(200).write('and so on'));
    expect(await post(addressOf(port), '{}', {}, 300)).toEqual({ status: 200 });
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
    expect(await post(addressOf(port), '{}', {}, 10_000)).toEqual({ status: 200 });
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('tells that nobody listens, without the address', async () => {
    const port = await listen(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    const answer = await post(addressOf(port, '/secret-token'));
    expect(answer).toEqual({ error: 'no connection (ECONNREFUSED)' });
  });

  it('survives a receiver that hangs up or speaks nonsense', async () => {
    const port = await listen((request) => request.socket.end('nonsense\r\n\r\n'));
    expect(await post(addressOf(port))).toHaveProperty('error');
  });
});

describe('getting a file', () => {
  it('answers its bytes and its status', async () => {
    let asked: IncomingMessage | undefined;
    const port = await listen((request, response) => {
      asked = request;
      response.writeHead(200).end('build: {}\n');
    });
    const { status, body } = await get(addressOf(port, '/ci.yml?ref=main'));
    expect({ status, text: Buffer.from(body).toString() }).toEqual({ status: 200, text: 'build: {}\n' });
    expect(asked).toMatchObject({ method: 'GET', url: '/ci.yml?ref=main' });
    expect(asked!.headers).not.toHaveProperty('authorization');
  });

  it('looks a name up once and connects to what it was then', async () => {
    const port = await listen((_request, response) => response.end('x'));
    const answers = ['127.0.0.1', '192.0.2.1'];
    let asked = 0;
    const resolve: Resolve = async () => [{ address: answers[asked++]!, family: 4 }];
    const through = createOutboundHttp({ allowPrivateTargets: true, resolve });
    expect(await get(`http://rebinding.invalid:${port}/`, { through })).toMatchObject({ status: 200 });
    expect(asked).toBe(1);
  });

  it.each(['http://127.0.0.1/', 'http://[::1]/', 'http://169.254.169.254/latest', 'http://localhost/'])(
    'does not go to %s where private targets are not allowed',
    async (address) => {
      const through = createOutboundHttp({ allowPrivateTargets: false });
      await expect(get(address, { through })).rejects.toMatchObject({ code: 'private_target' });
    },
  );

  it('asks nobody of a name that has one private address among others', async () => {
    let asked = 0;
    const port = await listen((_request, response) => {
      asked += 1;
      response.end();
    });
    const resolve: Resolve = async () => [
      { address: '1.1.1.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const through = createOutboundHttp({ allowPrivateTargets: false, resolve });
    await expect(get(`http://mixed.invalid:${port}/`, { through })).rejects.toMatchObject({ code: 'private_target' });
    expect(asked).toBe(0);
  });

  it('answers a redirect and does not follow it', async () => {
    const paths: string[] = [];
    const port = await listen((request, response) => {
      paths.push(request.url!);
      response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end();
    });
    expect(await get(addressOf(port))).toMatchObject({ status: 302 });
    expect(paths).toEqual(['/hook']);
  });

  it('refuses more bytes than are wanted, and reads no further', async () => {
    let written = 0;
    const port = await listen((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(get(addressOf(port), { mostBytes: 100_000 })).rejects.toMatchObject({ code: 'answer_too_large' });
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('takes as many bytes as are wanted', async () => {
    const port = await listen((_request, response) => response.end('x'.repeat(1_000)));
    expect((await get(addressOf(port), { mostBytes: 1_000 })).body).toHaveLength(1_000);
  });

  it.each<[string, RequestListener]>([
    ['says nothing', () => undefined],
    ['never comes to an end', (_request, response) => void response.writeHead(200).write('and so on')],
  ])('gives up on a server that %s', async (_what, listener) => {
    const port = await listen(listener);
    const failed = get(addressOf(port), { deadlineMs: 200 });
    await expect(failed).rejects.toMatchObject({ name: 'TransientError', message: 'no answer in time' });
  });

  it('takes a part of a file for none', async () => {
    const port = await listen((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('build:');
      setImmediate(() => response.destroy());
    });
    await expect(get(addressOf(port))).rejects.toThrow(TransientError);
  });

  it('can be tried later when nobody listens, and does not tell the address', async () => {
    const port = await listen(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    const failed = get(addressOf(port, '/secret-token'));
    await expect(failed).rejects.toMatchObject({ name: 'TransientError', message: 'no connection (ECONNREFUSED)' });
  });
});
