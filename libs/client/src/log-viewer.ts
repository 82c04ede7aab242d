import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Connection } from './api-client.ts';

/** The live log of a job as a browser sees it: chunks of text until the log is sealed. */
export async function* viewLog({ url, token }: Connection, jobId: string, offset = 0): AsyncGenerator<string> {
  const address = new URL(`/ws/jobs/${jobId}/logs?offset=${offset}`, url);
  address.protocol = address.protocol.replace('http', 'ws');
  const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
  const chunks: string[] = [];
  let ended: Error | true | undefined;
  let wake: () => void = () => undefined;
  socket.on('message', (data) => {
    chunks.push((data as Buffer).toString('utf8'));
    wake();
  });
  socket.on('close', (code) => {
    ended ??= code === 1000 ? true : new Error(`the log socket closed with ${code}`);
    wake();
  });
  socket.on('error', (error) => {
    ended = error;
    wake();
  });
  await Promise.race([once(socket, 'open'), once(socket, 'close')]);
  for (;;) {
    yield* chunks.splice(0);
    if (chunks.length > 0) continue;
    if (ended instanceof Error) throw ended;
    if (ended) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
