import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenFailure } from '@foldline/host';
import type { Metrics } from './metrics.ts';

/** A server that the process works with; rejects with what is wrong. */
export type Check = {
  name: string;
  test: () => Promise<void>;
  /** Whether the process is of no use without it; else it is only told. */
  isNeeded: boolean;
};

export type OpsServer = {
  port: number;
  /** From now on it is ready when the needed servers answer. */
  ready: (checks: readonly Check[]) => void;
  stopping: () => void;
  close: () => Promise<void>;
};

const CHECK_MS = 3_000;

type Answer = { status: number; type: string; body: string };
const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});

/**
 * What orchestrators and monitoring ask a service, from before it reaches its servers to its end: `/healthz` (the
 * process answers), `/readyz` (it is up, and so are the servers that it is of no use without) and `/metrics`. Meant for
 * the inside of a cluster; says nothing secret.
 */
export const startOpsServer = async (
  { host, port }: { host: string; port: number },
  metrics: Metrics,
): Promise<OpsServer> => {
  let phase: 'starting' | 'up' | 'stopping' = 'starting';
  let checks: readonly Check[] = [];
  const answer = async (path: string): Promise<Answer> => {
    if (path === '/healthz') return json(200, { status: 'ok' });
    if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
    if (path === '/readyz') return phase === 'up' ? readiness(checks) : json(503, { status: phase });
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
    ready: (servers) => {
      checks = servers;
      if (phase === 'starting') phase = 'up';
    },
    stopping: () => {
      phase = 'stopping';
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const readiness = async (checks: readonly Check[]): Promise<Answer> => {
  const results = await Promise.all(
    checks.map(async ({ name, test, isNeeded }) => ({ name, isNeeded, outcome: await outcomeOf(test) })),
  );
  const failing = results.filter(({ outcome }) => outcome !== 'ok');
  const isOfUse = failing.every(({ isNeeded }) => !isNeeded);
  return json(isOfUse ? 200 : 503, {
    status: failing.length === 0 ? 'ok' : isOfUse ? 'degraded' : 'unavailable',
    checks: Object.fromEntries(results.map(({ name, outcome }) => [name, outcome])),
  });
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
