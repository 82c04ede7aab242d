import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@foldline/kernel';
import type { JobLogStore } from '../storage/patient-stores.ts';

const MODE = 0o640;

/** Where the log of an attempt at a build lies, as a file. */
export const buildLogPath = (directory: string, build: number, attempt: number): string =>
  join(directory, attempt === 1 ? `build-${build}.log` : `build-${build}.${attempt}.log`);

/**
 * The log of one build as a file besides: what the store has taken is written at its place, so a repetition changes
 * nothing. A file that cannot be written is told once and left: the log itself is in the store.
 */
export class BuildLogFile {
  private constructor(
    readonly path: string,
    private file: FileHandle | undefined,
    private readonly logger: Logger,
  ) {}

  /** Nothing when there can be no such file. */
  static async open(directory: string, path: string, logger: Logger): Promise<BuildLogFile | undefined> {
    try {
      await mkdir(directory, { recursive: true });
      return new BuildLogFile(path, await open(path, 'w', MODE), logger);
    } catch (error) {
      logger.warn({ err: error, path }, 'the log of a build cannot be written as a file');
      return undefined;
    }
  }

  /** The same store, whose frames are written to the file as well. */
  copying(logs: JobLogStore): JobLogStore {
    return {
      ...(logs.finish && { finish: logs.finish.bind(logs) }),
      append: async (attemptId, frame) => {
        const state = await logs.append(attemptId, frame);
        await this.write(frame.bytes.subarray(0, Math.max(0, state.nextOffset - frame.offset)), frame.offset);
        return state;
      },
    };
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  private async write(bytes: Buffer, offset: number): Promise<void> {
    try {
      await this.file?.write(bytes, 0, bytes.length, offset);
    } catch (error) {
      this.logger.warn({ err: error, path: this.path }, 'the log of a build is not written as a file any more');
      await this.close();
    }
  }
}
