import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { JobObjects } from '../storage/patient-stores.ts';

const DIGEST = /^[0-9a-f]{64}$/;
const READ_ONLY = 0o400;

/**
 * Objects that this host has as files, by digest: layers and manifests of trees, which are fetched and checked once. The
 * ones that were not used for longest go when they are too many; those in use never do.
 */
export class LocalFiles {
  private readonly fetching = new Map<string, Promise<string>>();
  private readonly used = new Map<string, number>();

  /** What was being written when an earlier process ended is removed. */
  constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory))
      if (!DIGEST.test(name)) rmSync(join(directory, name), { recursive: true });
  }

  /** Keeps the file from being removed; to be given back with `release`. */
  async use(digest: string, objects: JobObjects): Promise<string> {
    this.hold(digest);
    try {
      const path = await this.fetch(digest, objects);
      utimesSync(path, new Date(), new Date());
      return path;
    } catch (error) {
      this.release(digest);
      throw error;
    }
  }

  /** Keeps a file that somebody uses already, for somebody else. */
  hold(digest: string): void {
    this.used.set(digest, (this.used.get(digest) ?? 0) + 1);
  }

  release(digest: string): void {
    const uses = this.used.get(digest)! - 1;
    if (uses > 0) this.used.set(digest, uses);
    else this.used.delete(digest);
  }

  /** Takes a file of the same file system that holds what the digest says. */
  adopt(path: string, digest: string): void {
    renameSync(path, join(this.directory, digest));
    // What has both names already keeps them.
    rmSync(path, { force: true });
    this.makeRoom();
  }

  private fetch(digest: string, objects: JobObjects): Promise<string> {
    const path = join(this.directory, digest);
    if (existsSync(path)) return Promise.resolve(path);
    const known = this.fetching.get(digest);
    if (known) return known;
    const fetched = this.copy(digest, path, objects).finally(() => this.fetching.delete(digest));
    this.fetching.set(digest, fetched);
    return fetched;
  }

  private async copy(digest: string, path: string, objects: JobObjects): Promise<string> {
    const arriving = `${path}.arriving`;
    rmSync(arriving, { force: true });
    await objects.copyToFile(digest, arriving, READ_ONLY, { shared: true });
    renameSync(arriving, path);
    this.makeRoom();
    return path;
  }

  private makeRoom(): void {
    const files = readdirSync(this.directory)
      .filter((name) => DIGEST.test(name))
      .map((name) => ({ name, ...seen(join(this.directory, name)) }))
      .toSorted((a, b) => a.usedAt - b.usedAt);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const { name, bytes: own } of files) {
      if (bytes <= this.maxBytes) return;
      if (this.used.has(name)) continue;
      rmSync(join(this.directory, name), { force: true });
      bytes -= own;
    }
  }
}

const seen = (path: string): { bytes: number; usedAt: number } => {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, usedAt: mtimeMs };
};
