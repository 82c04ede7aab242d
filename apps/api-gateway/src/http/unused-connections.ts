import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Watches for connections on which nothing was asked yet; the answer ends them, and those that still come. Browsers open
 * such connections in advance. Node counts them as busy, so a server that closes would wait for their requests.
 */
export const watchUnusedConnections = (server: Server): (() => void) => {
  const unused = new Set<Socket>();
  let ending = false;
  server.on('connection', (socket: Socket) => {
    if (ending) return void socket.destroy();
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  const used = ({ socket }: { socket: Socket }): void => void unused.delete(socket);
  server.on('request', used);
  server.on('upgrade', used);
  return () => {
    ending = true;
    for (const socket of unused) socket.destroy();
  };
};
