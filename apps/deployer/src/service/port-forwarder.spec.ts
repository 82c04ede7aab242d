import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '@foldline/testing';
import { PortForwarder } from './port-forwarder.ts';

let forwarder: PortForwarder;
let port: number;
const servers: Server[] = [];
beforeEach(async () => {
  forwarder = new PortForwarder('127.0.0.1');
  port = await freePort();
});
afterEach(async () => {
  await forwarder.close();
  for (const server of servers.splice(0)) server.close();
});

/** A server that says its name when the other side has said all it has to say. */
const serving = async (name: string): Promise<() => Promise<{ address: string; port: number }>> => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let heard = '';
    socket.on('data', (chunk: Buffer) => void (heard += chunk.toString()));
    socket.on('end', () => socket.end(`${name} heard ${heard}`));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port: own } = server.address() as { port: number };
  return () => Promise.resolve({ address: '127.0.0.1', port: own });
};
const opened = async (): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
};
const answer = (socket: Socket, said = 'hello'): Promise<string> => {
  socket.end(said);
  return text(socket);
};

describe('the port of a service', () => {
  it('leads to what was deployed last, and open connections stay where they are', async () => {
    await forwarder.take('shop', [port]);
    await forwarder.direct('shop', new Map([[port, await serving('one')]]));
    const before = await opened();
    before.write('well, ');
    expect(await answer(await opened())).toBe('one heard hello');

    await forwarder.direct('shop', new Map([[port, await serving('two')]]));
    expect(await forwarder.isDrained('shop')).toBe(false);
    expect(await answer(await opened())).toBe('two heard hello');
    expect(await answer(before)).toBe('one heard well, hello');
    await once(before, 'close');
    expect(await forwarder.isDrained('shop')).toBe(true);
  });

  it('hands over everything that was said, however slowly it is taken', async () => {
    const said = 'x'.repeat(16 * 1024 * 1024);
    const server = createServer((socket) => void socket.end(said)).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const { port: own } = server.address() as { port: number };
    await forwarder.take('shop', [port]);
    await forwarder.direct('shop', new Map([[port, async () => ({ address: '127.0.0.1', port: own })]]));
    const socket = await opened();
    socket.end();
    let heard = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      heard += chunk.length;
      await new Promise(setImmediate);
    }
    expect(heard).toBe(said.length);
  });

  it('is one service’s, and another is told so', async () => {
    await forwarder.take('shop', [port]);
    const free = await freePort();
    await expect(forwarder.take('admin', [free, port])).rejects.toMatchObject({ code: 'port_taken' });
    await forwarder.take('third', [free]);
  });

  it('is given back when the service has it no more', async () => {
    await forwarder.take('shop', [port]);
    await forwarder.direct('shop', new Map());
    await forwarder.take('admin', [port]);
  });

  it('closes connections that lead nowhere', async () => {
    await forwarder.take('shop', [port]);
    expect(await answer(await opened()).catch(() => '')).toBe('');
    await forwarder.direct('shop', new Map([[port, async () => ({ address: '127.0.0.1', port: 9 })]]));
    expect(await answer(await opened()).catch(() => '')).toBe('');
  });
});
