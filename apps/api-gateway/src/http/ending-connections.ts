import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Watches the connections of a server; the answer lets go of them, for a server that closes and waits until the last one
 * has ended. Node itself ends only those that are idle at that moment. It counts one on which nothing was asked yet as
 * busy, as browsers open in advance; and one whose answer is still to come stays open behind it for the next question.
 */
export const watchConnections = (server: Server): (() => void) => {
  const unused = new Set<Socket>();
  const unanswered = new Set<ServerResponse>();
  let ending = false;
  server.on('connection', (socket: Socket) => {
    if (ending) return void socket.destroy();
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  const used = ({ socket }: { socket: Socket }): void => void unused.delete(socket);
  server.on('upgrade', used);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    used(request);
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
  });
  return () => {
    ending = true;
    for (const socket of unused) socket.destroy();
    for (const response of unanswered) endAfter(response);
  };
};

const endAfter = (response: ServerResponse): void => {
  if (!response.headersSent) response.setHeader('connection', 'close');
  else response.once('finish', () => response.req.socket.destroySoon());
};
