import { closeSync, constants, mkdirSync, openSync, readSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError } from '@foldline/kernel';

const FILE = /^([0-9a-z][0-9a-z.]{0,127})\.(\d{1,15})\.spool$/;
const OPEN_FILES = 256;

/** What of a log was acknowledged on this host, from `base` on, in one file. The page cache outlives the process. */
export class Spool {
  private fd: number | undefined;
  private size: number;
  private removed = false;

  constructor(
    private readonly files: SpoolFiles,
    private readonly path: string,
    readonly base: number,
  ) {
    this.size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  get end(): number {
    return this.base + this.size;
  }

  /** Not in append mode: after a write that failed half way the next one must start at the same offset again. */
  append(bytes: Buffer): void {
    const fd = this.open();
    for (let written = 0; written < bytes.length;) {
      written += writeSync(fd, bytes, written, bytes.length - written, this.size + written);
    }
    this.size += bytes.length;
  }

  /** The bytes from `start` up to, not including, `end`, all of which must be here. */
  read(start: number, end: number): Buffer {
    const fd = this.open();
    const bytes = Buffer.allocUnsafe(end - start);
    for (let done = 0; done < bytes.length;) {
      const read = readSync(fd, bytes, done, bytes.length - done, start - this.base + done);
      if (read === 0) throw new PermanentError('a log is shorter than what was acknowledged');
      done += read;
    }
    return bytes;
  }

  remove(): void {
    this.removed = true;
    this.closeFile();
    rmSync(this.path, { force: true });
  }

  closeFile(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    this.files.closed(this);
  }

  private open(): number {
    // Opening would make the file again.
    if (this.removed) throw new PermanentError('the spool of a log is gone');
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    this.fd ??= openSync(this.path, flags, 0o600);
    this.files.used(this);
    return this.fd;
  }
}

/** The spools of one directory, which no other process uses; only those used last have their file open. */
export class SpoolFiles {
  private readonly opened = new Set<Spool>();

  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Begins a spool at an offset; the file is made with the first byte. */
  create(attemptId: string, base: number): Spool {
    return new Spool(this, join(this.directory, `${attemptId}.${base}.spool`), base);
  }

  /** What an earlier process left. */
  recover(): Map<string, Spool> {
    const found = new Map<string, Spool>();
    for (const name of readdirSync(this.directory)) {
      const [, attemptId, base] = FILE.exec(name) ?? [];
      if (attemptId !== undefined) found.set(attemptId, this.create(attemptId, Number(base)));
    }
    return found;
  }

  used(spool: Spool): void {
    this.opened.delete(spool);
    this.opened.add(spool);
    if (this.opened.size > OPEN_FILES) this.opened.values().next().value?.closeFile();
  }

  closed(spool: Spool): void {
    this.opened.delete(spool);
  }
}
