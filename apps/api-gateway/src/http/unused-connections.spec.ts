import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { removeDirectory, startGateway, TOKEN } from '../gateway.fixture.ts';

describe('a server that stops', () => {
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
  }, 10_000);
});
