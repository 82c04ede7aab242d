import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openDocker } from './docker-client.ts';

const answers = (address: string): Promise<boolean> => openDocker(address).answers();

const directory = mkdtempSync(join(tmpdir(), 'foldline-docker-'));
afterAll(() => rmSync(directory, { recursive: true }));

const daemon = async (name: string, answer: RequestListener): Promise<{ address: string; stop: () => void }> => {
  const path = join(directory, name);
  const server = createServer(answer).listen(path);
  await once(server, 'listening');
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `unix://${path}`, stop };
};

describe('Whether a Docker daemon answers', () => {
  it('is asked each time, since it may come and go', async () => {
    const { address, stop } = await daemon('well.sock', (_request, response) => response.end('OK'));
    expect(await answers(address)).toBe(true);
    stop();
    expect(await answers(address)).toBe(false);
  });

  it('is no where there is no socket, or somebody else answers', async () => {
    expect(await answers(`unix://${join(directory, 'none.sock')}`)).toBe(false);
    const { address, stop } = await daemon('ill.sock', (_request, response) => response.writeHead(503).end());
    expect(await answers(address)).toBe(false);
    stop();
  });

  it('is no when it takes longer than anybody should wait', async () => {
    const { address, stop } = await daemon('slow.sock', () => undefined);
    expect(await answers(address)).toBe(false);
    stop();
  });
});
