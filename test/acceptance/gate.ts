import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@foldline/client';

/** A door in the file system that jobs wait at until a test opens it, so that a test decides when a job goes on. */
export class Gate {
  constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {}

  /** A shell command that waits until the gate is open; it says first that it has come. */
  get wait(): string {
    return `echo $$ > ${this.path('came')}; until [ -e ${this.path('open')} ]; do sleep 0.02; done`;
  }

  /** A shell command for another job: it waits until one has come to the gate. */
  get waitForOther(): string {
    return `until [ -e ${this.path('came')} ]; do sleep 0.02; done`;
  }

  /** The process id of the shell that waits, once it does. */
  reached(): Promise<number> {
    return until(`a job to come to gate ${this.name}`, () => {
      const pid = existsSync(this.path('came')) ? readFileSync(this.path('came'), 'utf8').trim() : '';
      return pid !== '' && Number(pid);
    });
  }

  open(): void {
    writeFileSync(this.path('open'), '');
  }

  private path(state: string): string {
    return join(this.directory, `gate-${this.name}-${state}`);
  }
}

/** Whether the process still runs; one that has ended and was only not collected yet does not. */
export const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
};
