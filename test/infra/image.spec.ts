import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { root } from '../../scripts/workspace.mjs';

const dockerfile = readFileSync(join(root, 'infra/image/Dockerfile'), 'utf8');
const instructions = dockerfile.replaceAll(/\\\n/g, ' ').split('\n');
const last = (instruction: string): string | undefined =>
  instructions.filter((line) => line.startsWith(`${instruction} `)).at(-1);

describe('the image', () => {
  it('is built on images that are arguments, with releases as defaults', () => {
    expect(instructions.filter((line) => line.startsWith('FROM ')).every((line) => line.startsWith('FROM ${'))).toBe(
      true,
    );
    const defaults = instructions.filter((line) => /^ARG (?:BUILD|RUNTIME)_IMAGE=/.test(line));
    expect(defaults).toEqual([
      expect.stringMatching(/^ARG BUILD_IMAGE=node:\d+\.\d+\.\d+-\w+-slim$/),
      expect.stringMatching(/^ARG RUNTIME_IMAGE=node:\d+\.\d+\.\d+-\w+-slim$/),
    ]);
  });

  it('runs as a user without rights, under a process that reaps', () => {
    expect(last('USER')).toBe('USER 10001:10001');
    expect(last('ENTRYPOINT')).toBe('ENTRYPOINT ["tini", "-s", "--", "node"]');
  });

  it('is built from nothing but what is named: a secret in the tree cannot get in', () => {
    const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    expect(rules.filter((rule) => rule.startsWith('!') && /compose|secret|\.git\b|^!\.$/.test(rule))).toEqual([]);
  });
});

describe('the health check of the image', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  const answering = async (status: number): Promise<number> => {
    const server = createServer(({ url }, response) =>
      response.writeHead(url === '/healthz' ? status : 404).end('said'),
    );
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  };
  const check = async (port: number): Promise<{ code: number; said: string }> => {
    const child = spawn(process.execPath, [join(root, 'infra/image/healthcheck.mjs')], {
      env: { FOLDLINE_OPS_PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text) => (said += String(text)));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said: said.trim() };
  };

  it('succeeds while the service says that it is well', async () => {
    expect(await check(await answering(200))).toEqual({ code: 0, said: '' });
  });

  it('fails when the service says that it is not, and repeats it', async () => {
    expect(await check(await answering(503))).toEqual({ code: 1, said: '/healthz answers 503' });
  });

  it('fails when nothing listens', async () => {
    const port = await answering(200);
    servers[0]!.close();
    await once(servers.splice(0)[0]!, 'close');
    expect(await check(port)).toEqual({ code: 1, said: expect.stringContaining('ECONNREFUSED') });
  });
});
