import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError } from '@foldline/kernel';
import type { Spawner } from '@foldline/spawner';

const MKFIFO_MS = 5_000;
const BATCH = 16;
const LOW_WATER = 6;

/** Both ends of a pipe of the operating system, as descriptors of this process that children do not inherit, and its name. */
export type OutputPipe = { readFd: number; writeFd: number; path: string };

/**
 * Real pipes for the output of jobs. What Node calls a pipe to a child is a socket, and a script that writes to
 * /dev/stderr or /dev/stdout fails on a socket. Node cannot make a pipe, so named ones are made in batches by one
 * `mkfifo` (0.1 ms each). The name is what lets another process start the program that writes.
 */
export class OutputPipes {
  private readonly ready: OutputPipe[] = [];
  private refilling: Promise<void> | undefined;
  private made = 0;
  private isOurs = false;

  constructor(
    private readonly directory: string,
    private readonly spawner: Spawner,
  ) {}

  async take(): Promise<OutputPipe> {
    while (this.ready.length === 0) await this.refill();
    // Whoever finds none left sees the error of making more; this early refill only saves the wait.
    if (this.ready.length <= LOW_WATER) this.refill().catch(() => undefined);
    return this.ready.pop()!;
  }

  close(): void {
    for (const { readFd, writeFd } of this.ready.splice(0)) {
      closeSync(readFd);
      closeSync(writeFd);
    }
    if (this.isOurs) rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * Empties the directory: whatever an earlier process left in it has no other end any more. Not before the first pipe is
   * wanted, for a process that finds another one at work there must leave its pipes alone.
   */
  private takeDirectory(): void {
    if (this.isOurs) return;
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.isOurs = true;
  }

  private refill(): Promise<void> {
    this.refilling ??= this.make().finally(() => {
      this.refilling = undefined;
    });
    return this.refilling;
  }

  private async make(): Promise<void> {
    this.takeDirectory();
    const paths = Array.from({ length: BATCH }, () => join(this.directory, String((this.made += 1))));
    const request = { file: 'mkfifo', args: ['-m', '600', ...paths], env: { PATH: '/usr/bin:/bin' } };
    const { exitCode, stderr } = await this.spawner.run(request, { timeoutMs: MKFIFO_MS, maxBytes: 0 });
    if (exitCode !== 0) throw new PermanentError(`mkfifo cannot make pipes: ${stderr.toString('utf8').trim()}`);
    for (const path of paths) this.ready.push(openBothEnds(path));
  }
}

/** The reading end first and without waiting: a named pipe's writing end opens only when somebody reads. */
const openBothEnds = (path: string): OutputPipe => {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readFd, writeFd: openSync(path, constants.O_WRONLY), path };
  } catch (error) {
    closeSync(readFd);
    throw error;
  }
};
