import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { RegistryLogin, RegistryLogins } from '@foldline/kernel';
import { fieldsOf } from './wire.ts';

/** How BuildKit's builder reaches who asked for a build; without one it has no passwords and needs none. */
export type BuildSession = { id?: string; close: () => void };

/** What registries are called when the builder asks for a password. */
const HUB = new Set(['registry-1.docker.io', 'index.docker.io', 'docker.io']);

/** One short text of a protobuf message. */
const textField = (number: number, text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
};

/** `moby.filesync.v1.Auth`, as far as it is asked here: who one is at a registry. */
const AUTH: ServiceDefinition = {
  Credentials: {
    path: '/moby.filesync.v1.Auth/Credentials',
    requestStream: false,
    responseStream: false,
    requestSerialize: (host: string) => textField(1, host),
    requestDeserialize: (message: Buffer) => hostIn(message),
    responseSerialize: ({ username, password }: RegistryLogin) =>
      Buffer.concat([textField(1, username), textField(2, password)]),
    responseDeserialize: (message: Buffer) => message,
  },
};

const hostIn = (message: Buffer): string => {
  for (const { number, bytes } of fieldsOf(message)) if (number === 1) return bytes.toString();
  return '';
};

/** Who one is at this registry; nobody where it was not said, so that no registry hears the password of another. */
const loginAt = (host: string, logins: RegistryLogins): RegistryLogin =>
  logins.get(HUB.has(host) ? 'docker.io' : host) ?? { username: '', password: '' };

/** A session over which the builder asks for passwords, one registry at a time. */
export const openSession = async (docker: Docker, logins: RegistryLogins): Promise<BuildSession> => {
  if (logins.size === 0) return { close: () => undefined };
  const { Server, ServerCredentials } = await import('@grpc/grpc-js');
  const id = randomUUID();
  const socket = await dial(docker, id);
  const server = new Server();
  server.addService(AUTH, {
    Credentials: (call: { request: string }, answer: (error: null, login: RegistryLogin) => void) =>
      answer(null, loginAt(call.request, logins)),
  });
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  socket.on('error', () => socket.destroy());
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
};

const dial = (docker: Docker, id: string): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const request = {
      method: 'POST',
      path: '/session',
      hijack: true,
      headers: { Upgrade: 'h2c', 'X-Docker-Expose-Session-Uuid': id, 'X-Docker-Expose-Session-Name': 'foldline' },
      statusCodes: { 200: true, 500: 'server error' },
    };
    (docker.modem as { dial: (options: object, done: (error: unknown, socket: Duplex) => void) => void }).dial(
      request,
      (error, socket) => (error ? reject(error as Error) : resolve(socket)),
    );
  });
