import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PermanentError, TransientError, fromSystemError } from '@foldline/kernel';
import type { ChildUsage } from './children-usage.ts';
import type { SpawnReply, SpawnRequest } from './messages.ts';

export type ProgramRequest = Omit<SpawnRequest, 'id' | 'output'>;
export type ProgramEnd = { exitCode?: number; signal?: string };
export type MeasuredEnd = ProgramEnd & { usage?: ChildUsage };
export type StartedProgram = {
  pid: number;
  /** Rejects with `TransientError` when the spawner died, so that nobody knows how the program ended. */
  exited: Promise<MeasuredEnd>;
};
export type ProgramResult = ProgramEnd & { stdout: Buffer; stderr: Buffer };

type Pending = {
  /** Known once it runs. */
  pid?: number;
  started: (pid: number) => void;
  exited: (reply: Extract<SpawnReply, { kind: 'exited' }>) => void;
  failed: (error: Error) => void;
};

// From source (tests) the built process is used: node cannot run TypeScript.
const built = import.meta.url.endsWith('.ts') ? '../dist/spawner-child.js' : './spawner-child.js';
const childPath = fileURLToPath(new URL(built, import.meta.url));
/** It only starts programs; a small heap keeps it small. */
const HEAP = ['--max-old-space-size=64', '--max-semi-space-size=1'];

/**
 * Starts programs through a small process of its own (see spawner-child.ts), each in a new session. The process is
 * started when it is first needed, replaced when it died, and ends with this one.
 */
export class Spawner {
  private child: ChildProcess | undefined;
  private nextId = 0;
  private readonly pending = new Map<number, Pending>();
  private closed = false;

  /** Starts a program whose outputs both go to a named pipe. */
  async start(request: ProgramRequest, pipe: string): Promise<StartedProgram> {
    const { started, exited } = this.ask({ ...request, output: { pipe } });
    const pid = await started;
    return {
      pid,
      exited: exited.then(({ exitCode, signal, usage }) => ({
        ...(exitCode === undefined ? { signal: signal ?? 'SIGKILL' } : { exitCode }),
        ...(usage === undefined ? {} : { usage }),
      })),
    };
  }

  /** Runs a program to its end and answers with what it wrote; kills its group when the time is over. */
  async run(
    request: ProgramRequest,
    { timeoutMs, maxBytes }: { timeoutMs: number; maxBytes: number },
  ): Promise<ProgramResult> {
    const { started, exited } = this.ask({ ...request, output: { captureBytes: maxBytes } });
    const pid = await started;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(pid);
    }, timeoutMs);
    try {
      const { exitCode, signal, stdout, stderr, overflow } = await exited;
      if (late) throw new TransientError(`${request.file} took longer than ${timeoutMs} ms`);
      if (overflow) throw new PermanentError(`${request.file} wrote more than ${maxBytes} bytes`);
      const output = { stdout: Buffer.from(stdout ?? []), stderr: Buffer.from(stderr ?? []) };
      return exitCode === undefined ? { signal: signal ?? 'SIGKILL', ...output } : { exitCode, ...output };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process and with it every program that it still runs. */
  async close(): Promise<void> {
    this.closed = true;
    const { child } = this;
    if (!child) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.connected) child.disconnect();
    await gone;
  }

  private ask(request: Omit<SpawnRequest, 'id'>): {
    started: Promise<number>;
    exited: Promise<Extract<SpawnReply, { kind: 'exited' }>>;
  } {
    if (this.closed) throw new PermanentError('the spawner is closed');
    const id = this.nextId++;
    let pending!: Pending;
    const started = new Promise<number>((resolveStarted, rejectStarted) => {
      pending = { started: resolveStarted, exited: () => undefined, failed: rejectStarted };
    });
    const exited = new Promise<Extract<SpawnReply, { kind: 'exited' }>>((resolve, reject) => {
      const { failed } = pending;
      pending = {
        ...pending,
        exited: resolve,
        failed: (error) => {
          failed(error);
          reject(error);
        },
      };
    });
    // Whoever only learns that the start failed has no use for the end.
    exited.catch(() => undefined);
    this.pending.set(id, pending);
    this.running().send({ ...request, id });
    return { started, exited };
  }

  private running(): ChildProcess {
    if (this.child) return this.child;
    const child = fork(childPath, {
      serialization: 'advanced',
      execArgv: HEAP,
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (reply: SpawnReply) => this.take(reply));
    // Its last replies may be read only after it is known to be dead: they name programs that still run.
    child.once('exit', () => (child.connected ? child.once('disconnect', () => this.lost(child)) : this.lost(child)));
    // More than one message can meet a channel that is just closing, and each reports it.
    child.on('error', () => this.lost(child));
    // An idle spawner does not keep this process alive.
    child.unref();
    child.channel?.unref();
    this.child = child;
    return child;
  }

  private take(reply: SpawnReply): void {
    const pending = this.pending.get(reply.id);
    if (!pending) return;
    if (reply.kind === 'started') {
      pending.pid = reply.pid;
      return pending.started(reply.pid);
    }
    this.pending.delete(reply.id);
    if (reply.kind === 'exited') pending.exited(reply);
    else
      pending.failed(fromSystemError(Object.assign(new Error(reply.message), { code: reply.code }), 'start a program'));
  }

  private lost(child: ChildProcess): void {
    if (this.child !== child) return;
    this.child = undefined;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { pid, failed } of waiting) {
      // Nobody would learn of their end, and whoever tries again must not meet the first try.
      if (pid !== undefined) killGroup(pid);
      failed(new TransientError('the process that starts programs has died'));
    }
  }
}

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};
