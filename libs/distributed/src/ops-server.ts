import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenFailure } from '@foldline/host';
import type { Metrics } from './metrics.ts';

/** One thing that must work for the process to be of use; rejects with what is wrong. */
export type Check = { name: string; test: () => Promise<void> };

const CHECK_MS = 3_000;

type Answer = { status: number; type: string; body: string };
const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});

/**
 * What orchestrators and monitoring ask a service: `/healthz` (the process answers), `/readyz` (its servers do) and
 * `/metrics`. Meant for the inside of a cluster; says nothing secret.
 */
export const startOpsServer = async (
  { host, port }: { host: string; port: number },
  metrics: Metrics,
  checks: readonly Check[],
): Promise<{ port: number; stopping: () => void; close: () => Promise<void> }> => {
  let isStopping = false;
  const answer = async (path: string): Promise<Answer> => {
    if (path === '/healthz') return json(200, { status: 'ok' });
    if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
    if (path === '/readyz') return isStopping ? json(503, { status: 'stopping' }) : readiness(checks);
    return json(404, { status: 'not found', paths: ['/healthz', '/readyz', '/metrics'] });
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    answer(request.url?.split('?')[0] ?? '/').then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    stopping: () => {
      isStopping = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const readiness = async (checks: readonly Check[]): Promise<Answer> => {
  const results = await Promise.all(checks.map(async ({ name, test }) => [name, await outcomeOf(test)] as const));
  const failing = results.filter(([, outcome]) => outcome !== 'ok');
  const body = { status: failing.length === 0 ? 'ok' : 'unavailable', checks: Object.fromEntries(results) };
  return json(failing.length === 0 ? 200 : 503, body);
};

const outcomeOf = async (test: () => Promise<void>): Promise<string> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS} ms`), CHECK_MS);
  });
  const tested = test().then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const outcome = await Promise.race([tested, late]);
  clearTimeout(timer);
  return outcome;
};

const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(error, host, port, 'FOLDLINE_OPS_PORT')));
    server.listen(port, host, () => resolve());
  });
