import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expandVariables } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import type { JobScene } from '../execution/job-scene.ts';
import { selectEntries, stampOf, type Found } from '../trees/select-entries.ts';
import { REPORT_LIMITS, unreadable } from './report-limits.ts';

const CHUNK_BYTES = 64 * 1024;
const changed = (): Refusal => unreadable('it was changed while it was read');

type File = Extract<Found, { kind: 'file' }>;

/**
 * The files that a job names as reports. No link is followed, and what is opened is the file that was found, so that
 * nothing outside of the workspace is read, whatever a process that the job has left behind does meanwhile.
 */
export class ReportFiles {
  private files = 0;
  private bytes = 0;

  constructor(private readonly scene: Pick<JobScene, 'assignment' | 'workspace' | 'variables' | 'warn' | 'hide'>) {}

  /** Hands over each file that the patterns name; one that cannot be read is told in the log, and that is all. */
  async each(patterns: readonly string[], read: (chunks: AsyncIterable<Buffer>) => Promise<void>): Promise<void> {
    for (const file of this.named(patterns)) {
      try {
        this.count(file);
        await read(this.chunksOf(file));
      } catch (error) {
        this.tell(file.path, error);
      }
    }
  }

  private named(patterns: readonly string[]): File[] {
    const { assignment, workspace, variables } = this.scene;
    const expand = (text: string): string => expandVariables(text, variables);
    try {
      const { entries } = selectEntries(workspace, patterns.map(expand), assignment.job.artifacts?.exclude.map(expand));
      const files = entries.filter((entry) => entry.kind === 'file').toSorted((a, b) => (a.path < b.path ? -1 : 1));
      const taken = files.slice(0, Math.max(0, REPORT_LIMITS.files - this.files));
      this.files += taken.length;
      if (taken.length < files.length)
        this.scene.warn(`${files.length - taken.length} reports are not counted: at most ${REPORT_LIMITS.files} are`);
      return taken;
    } catch (error) {
      this.tell('reports', error);
      return [];
    }
  }

  private count({ size }: File): void {
    if (size > REPORT_LIMITS.fileBytes) throw unreadable(`it has more than ${REPORT_LIMITS.fileBytes} bytes`);
    this.bytes += size;
    if (this.bytes > REPORT_LIMITS.bytes) throw unreadable(`the reports have more than ${REPORT_LIMITS.bytes} bytes`);
  }

  private async *chunksOf({ path, size, stamp }: File): AsyncIterable<Buffer> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(join(this.scene.workspace, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (stampOf(await file.stat()) !== stamp) throw changed();
      for (let left = size; left > 0;) {
        const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
        const { bytesRead } = await file.read(chunk);
        if (bytesRead === 0) throw changed();
        left -= bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  private tell(what: string, error: unknown): void {
    const why = error instanceof Refusal ? error.message : 'it could not be read';
    this.scene.warn(`${this.scene.hide(what)} is not counted: ${why}`);
  }
}
