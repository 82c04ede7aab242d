import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServerProcess } from '@foldline/client';
import { figure, ms, percentile } from './lib/figures.mjs';

const ROUNDS = 5;
const IDLE_MS = 8000;

const rssOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const childrenOf = (pid) =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );

/** From starting the built server to its first answer of readiness, and what it holds when nobody uses it. */
export const benchStart = async () => {
  const bare = [];
  const cold = [];
  let memory;
  for (let round = 0; round < ROUNDS; round += 1) {
    const empty = performance.now();
    execFileSync(process.execPath, ['-e', '0']);
    bare.push(performance.now() - empty);
    const directory = mkdtempSync(join(tmpdir(), 'foldline-bench-'));
    const began = performance.now();
    const server = await startServerProcess(directory);
    const ready = await fetch(new URL('/readyz', server.client.connection.url));
    if (!ready.ok) throw new Error(`not ready after its start: ${ready.status}`);
    cold.push(performance.now() - began);
    if (round === ROUNDS - 1) {
      await sleep(IDLE_MS);
      const children = childrenOf(server.pid);
      memory = { server: rssOf(server.pid), children: children.map(rssOf) };
    }
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  figure('node -e 0', ms(percentile(bare)), 'the floor');
  figure('cold start to ready, p50', ms(percentile(cold)), '<= 1500 ms', percentile(cold) <= 1500);
  const total = memory.server + memory.children.reduce((sum, each) => sum + each, 0);
  figure('idle memory of the server', `${memory.server.toFixed(0)} MiB`, '<= 200 MiB', memory.server <= 200);
  figure(`idle memory with its ${memory.children.length} child process(es)`, `${total.toFixed(0)} MiB`);
};
