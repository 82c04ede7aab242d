import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlainServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificates, withPrograms } from '@foldline/testing';
import { mistakeAt } from './tls-handshake.ts';

withPrograms(['openssl'], () => {
  describe('a handshake at the door of a server', () => {
    const directory = mkdtempSync(join(tmpdir(), 'foldline-handshake-'));
    const pem = (name: string): string => readFileSync(join(directory, `${name}.pem`), 'utf8');
    const client = () => ({ ca: pem('ca'), cert: pem('client'), key: pem('client-key') });
    const host = '127.0.0.1';
    const servers: Server[] = [];

    beforeAll(() => makeCertificates(directory));
    afterEach(() => servers.splice(0).forEach((server) => server.close()));
    afterAll(() => rmSync(directory, { recursive: true }));

    const listening = async (made: Server, address = host): Promise<number> => {
      // Whoever only shakes hands goes away without a farewell.
      made.on('connection', (socket) => socket.on('error', () => socket.destroy()));
      const server = made.listen(0, address);
      servers.push(server);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    };
    const secure = (options: TlsOptions = {}, address?: string): Promise<number> => {
      const made = createServer({ cert: pem('server'), key: pem('server-key'), ...options });
      made.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
      return listening(made, address);
    };
    const plain = (): Promise<number> => listening(createPlainServer((socket) => socket.end('-ERR what is this\r\n')));
    const forClients = (): TlsOptions => ({ ca: pem('ca'), requestCert: true });

    it('finds nothing where both agree', async () => {
      expect(await mistakeAt({ host, port: await secure(), tls: { ca: pem('ca') } })).toBe('none');
      expect(await mistakeAt({ host: 'localhost', port: await secure(), tls: { ca: pem('ca') } })).toBe('none');
      expect(await mistakeAt({ host, port: await plain() })).toBe('none');
      expect(await mistakeAt({ host, port: await secure(forClients()), tls: client() })).toBe('none');
    });

    it('finds an authority that is not known', async () => {
      expect(await mistakeAt({ host, port: await secure(), tls: {} })).toBe('authority unknown');
      expect(await mistakeAt({ host, port: await secure(), tls: { ca: pem('stranger-ca') } })).toBe(
        'authority unknown',
      );
    });

    it('finds a certificate for another host', async () => {
      const other = '127.0.0.2';
      expect(await mistakeAt({ host: other, port: await secure({}, other), tls: { ca: pem('ca') } })).toBe(
        'other name',
      );
    });

    it('finds that one side alone speaks TLS', async () => {
      expect(await mistakeAt({ host, port: await secure() })).toBe('needs TLS');
      expect(await mistakeAt({ host, port: await secure(forClients()) })).toBe('needs TLS');
      expect(await mistakeAt({ host, port: await plain(), tls: {} })).toBe('has no TLS');
    });

    it.each(['TLSv1.2', 'TLSv1.3'] as const)(
      'finds that a certificate is wanted, or another one (%s)',
      async (version) => {
        const port = await secure({ ...forClients(), minVersion: version, maxVersion: version });
        expect(await mistakeAt({ host, port, tls: { ca: pem('ca') } })).toBe('wants a certificate');
      },
    );

    it('finds that nobody is there', async () => {
      const port = await plain();
      const [server] = servers.splice(0);
      server!.close();
      await once(server!, 'close');
      expect(await mistakeAt({ host, port, tls: {} })).toBe('absent');
    });
  });
});
