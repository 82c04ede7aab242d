import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeDirectory, startGateway, TOKEN } from '../gateway.fixture.ts';
import { watchConnections } from './ending-connections.ts';

describe('a gateway that stops', () => {
  it('does not wait for connections on which nothing was asked', async () => {
    const stopping = await startGateway();
    const silent = connect(stopping.port, '127.0.0.1');
    const halfway = connect(stopping.port, '127.0.0.1');
    for (const socket of [silent, halfway]) socket.on('error', () => undefined);
    await Promise.all([once(silent, 'connect'), once(halfway, 'connect')]);
    halfway.write(`GET /api/v1/projects HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${TOKEN}\r\n`);
    // Asked behind them, so that the server has accepted them when this is answered.
    await stopping.as('get', '/api/v1/projects').expect(200);
    const gone = Promise.all([once(silent, 'close'), once(halfway, 'close')]);
    await stopping.close();
    await expect(gone).resolves.toHaveLength(2);
    removeDirectory(stopping.directory);
  }, 25_000);
});

describe('connections that clients keep', () => {
  const LONG_MS = 60_000;
  const agent = new Agent({ keepAlive: true, timeout: LONG_MS });
  let server: Server;
  let closed: Promise<void>;
  let close: () => void;

  beforeEach(async () => {
    server = createServer({ keepAliveTimeout: LONG_MS });
    const end = watchConnections(server);
    closed = new Promise((resolve) => {
      close = () => {
        server.close(() => resolve());
        end();
      };
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    agent.destroy();
  });

  /** A question whose answer is up to the test. */
  const ask = async (): Promise<{ response: ServerResponse; answer: Promise<IncomingMessage> }> => {
    const { port } = server.address() as AddressInfo;
    const request = get({ host: '127.0.0.1', port, agent });
    const answer = once(request, 'response').then(([message]) => (message as IncomingMessage).resume());
    const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    return { response, answer };
  };

  it('end with the answer that was still to come, which says so', async () => {
    const { response, answer } = await ask();
    close();
    response.end('done');
    expect((await answer).headers.connection).toBe('close');
    await closed;
  });

  it('end with the answer that was under way', async () => {
    const { response, answer } = await ask();
    response.write('begun');
    const { headers } = await answer;
    expect(headers.connection).toBe('keep-alive');
    close();
    response.end('done');
    await closed;
  });
});
