import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { ChildrenUsage, type ChildUsage } from './children-usage.ts';
import type { SpawnReply, SpawnRequest } from './messages.ts';

/**
 * The spawner process. Starting a program copies the page tables of whoever starts it, so a server of 150 MB pays
 * several milliseconds for what costs this small process one. When the server is gone, whatever it had started is
 * killed with it.
 */
const running = new Map<number, ChildProcess>();
const usages = new ChildrenUsage();
/** How long output is awaited from what outlives the program. */
const STRAGGLERS_MS = 1_000;
const STDERR_BYTES = 16 * 1024;

/** A server that is gone hears no reply; what is to be done then is done when it disconnects. */
const reply = (message: SpawnReply): void => {
  process.send?.(message, () => undefined);
};

/** Opening a named pipe for writing waits for a reader, for ever when the server has died: so be one for that moment. */
const openWithoutWaiting = (path: string): number => {
  const both = openSync(path, 'r+');
  try {
    return openSync(path, 'w');
  } finally {
    closeSync(both);
  }
};

const start = (request: SpawnRequest): void => {
  const pipe = 'pipe' in request.output ? openWithoutWaiting(request.output.pipe) : undefined;
  try {
    const child = spawn(request.file, request.args, {
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      env: request.env,
      stdio: pipe === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', pipe, pipe],
      detached: true,
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      running.delete(request.id);
      reply({ id: request.id, kind: 'failed', code: error.code ?? 'unknown', message: error.message });
    });
    if (child.pid === undefined) return;
    running.set(request.id, child);
    reply({ id: request.id, kind: 'started', pid: child.pid });
    if ('captureBytes' in request.output) capture(request.id, child, request.output.captureBytes);
    else
      child.once('exit', (code, signal) =>
        usages.ofEnded((usage) => ended(request.id, code, signal, usage === undefined ? {} : { usage })),
      );
  } finally {
    if (pipe !== undefined) closeSync(pipe);
  }
};

const capture = (id: number, child: ChildProcess, limit: number): void => {
  const output = gather(child.stdout!, limit, () => child.pid !== undefined && killGroup(child.pid));
  const errors = gather(child.stderr!, STDERR_BYTES, () => undefined);
  // A program that left the group may hold the output open for ever; the answer does not wait for it.
  child.once('exit', () => usages.ofEnded(() => undefined));
  child.once('exit', () => setTimeout(() => child.stdout!.destroy() && child.stderr!.destroy(), STRAGGLERS_MS).unref());
  child.once('close', (code, signal) => {
    ended(id, code, signal, {
      stdout: Buffer.concat(output.chunks),
      stderr: Buffer.concat(errors.chunks),
      overflow: output.full,
    });
  });
};

const gather = (
  stream: NodeJS.ReadableStream,
  limit: number,
  onFull: () => void,
): { chunks: Buffer[]; full: boolean } => {
  const gathered = { chunks: [] as Buffer[], full: false };
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (gathered.full) return;
    bytes += chunk.length;
    if (bytes <= limit) {
      gathered.chunks.push(chunk);
      return;
    }
    gathered.full = true;
    onFull();
  });
  return gathered;
};

const ended = (
  id: number,
  code: number | null,
  signal: string | null,
  more: { stdout?: Buffer; stderr?: Buffer; overflow?: boolean; usage?: ChildUsage },
): void => {
  running.delete(id);
  reply({ id, kind: 'exited', ...(code === null ? { signal: signal ?? 'SIGKILL' } : { exitCode: code }), ...more });
};

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

process.on('message', (request: SpawnRequest) => {
  try {
    start(request);
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    reply({ id: request.id, kind: 'failed', code, message });
  }
});
process.on('disconnect', () => {
  for (const { pid } of running.values()) if (pid !== undefined) killGroup(pid);
  process.exit(0);
});
// A terminal's interrupt reaches the whole group; this process ends when the server says so.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
