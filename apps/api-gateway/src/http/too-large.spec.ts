import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeAndRemove, startGateway, TOKEN, type StartedGateway } from '../gateway.fixture.ts';

const MIB = 1024 * 1024;
let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => closeAndRemove(gateway));

/** Sends everything before it reads anything, as simple clients do. */
const send = (framing: string, pieces: Iterable<string | Buffer>): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(gateway.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('error', reject);
    const read = (text: string): void => {
      answer += text;
      if (answer.endsWith('}')) socket.destroy();
    };
    socket.on('close', () => resolve(answer));
    socket.write(
      `POST /api/v1/projects HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${TOKEN}\r\n` +
        `Content-Type: application/json\r\n${framing}\r\n\r\n`,
    );
    const left = [...pieces];
    const next = (): void => {
      const piece = left.shift();
      if (piece !== undefined) socket.write(piece, next);
      else socket.on('data', read);
    };
    next();
  });

const piece = Buffer.alloc(MIB, 'x');
const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);

describe('a body that is too large', () => {
  it.each([
    ['says its length', `Content-Length: ${30 * MIB}`, Array.from({ length: 30 }, () => piece)],
    ['comes in chunks', 'Transfer-Encoding: chunked', [...Array.from({ length: 30 }, () => chunk), '0\r\n\r\n']],
  ])('is heard out before it is refused when it %s', async (_how, framing, pieces) => {
    const answer = await send(framing, pieces);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"payload_too_large"');
  });

  it('is refused before it has come', async () => {
    const answer = await send(`Content-Length: ${30 * MIB}`, []);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  }, 4000);

  it('is not heard out for ever', async () => {
    const endless = Array.from({ length: 200 }, () => piece);
    const outcome = await send(`Content-Length: ${2000 * MIB}`, endless).catch((error: unknown) => error);
    expect(String(outcome)).toMatch(/413|EPIPE|ECONNRESET/);
  }, 15_000);
});
