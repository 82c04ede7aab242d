import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pack } from 'tar-stream';
import { ImageFailure } from '@foldline/kernel';

/** Whether a path, relative to the context, goes to the builder. */
type Filter = (path: string) => boolean;

const IGNORE_FILE = '.dockerignore';
const MAX_IGNORE_BYTES = 1024 * 1024;
/** The history of the repository would make every commit another context. */
const NEVER = new Set(['.git']);
/** It goes to a daemon of this host. */
const GZIP_LEVEL = 1;

/**
 * A directory as a compressed tar stream, without what its `.dockerignore` leaves out. The Dockerfile always goes with
 * it, as with Docker's own client. Links stay links, so nothing outside the directory is read.
 */
export const packContext = async (context: string, dockerfile: string): Promise<Readable> => {
  const { pack: open } = await import('tar-stream');
  const keep = await filterOf(context, dockerfile);
  const pack = open();
  const gzip = createGzip({ level: GZIP_LEVEL });
  // Whatever breaks off cuts the archive short, which its reader sees: gzip ends in a checksum.
  const cut = (error: unknown): void => void gzip.destroy(error as Error);
  pipeline(pack, gzip).catch(cut);
  fill(pack, context, keep).catch((error: unknown) => {
    cut(error);
    pack.destroy();
  });
  return gzip;
};

const filterOf = async (context: string, dockerfile: string): Promise<Filter> => {
  const text = await ignoredIn(join(context, IGNORE_FILE));
  if (text === undefined) return () => true;
  const { default: ignore } = await import('@balena/dockerignore');
  const keeps = ignore({ ignorecase: false }).add(text).createFilter();
  const always = new Set([IGNORE_FILE, posix.normalize(dockerfile)]);
  return (path) => always.has(path) || keeps(path);
};

/** A link could lead to anything of the host, also to what never ends. */
const ignoredIn = async (path: string): Promise<string | undefined> => {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat) return undefined;
  if (stat.isFile() && stat.size <= MAX_IGNORE_BYTES) return readFile(path, 'utf8');
  const message = `${IGNORE_FILE} must be a file of at most ${MAX_IGNORE_BYTES} bytes`;
  throw new ImageFailure('image_build_failure', message);
};

const fill = async (pack: Pack, context: string, keep: Filter): Promise<void> => {
  const visit = async (directory: string): Promise<void> => {
    const names = (await readdir(join(context, directory))).toSorted();
    for (const name of names) {
      const path = directory === '' ? name : `${directory}/${name}`;
      if (NEVER.has(path)) continue;
      const stat = await lstat(join(context, path));
      // A directory that is left out may hold what is let in again.
      if (stat.isDirectory()) await visit(path);
      if (!keep(path)) continue;
      // Modes count, owners and times do not: the same content is the same layer.
      const header = { name: path, mode: stat.mode & 0o777, mtime: new Date(0) };
      const place = join(context, path);
      if (stat.isDirectory()) await other(pack, { ...header, type: 'directory' });
      else if (stat.isSymbolicLink())
        await other(pack, { ...header, type: 'symlink', linkname: await readlink(place) });
      else if (stat.isFile()) await pipeline(createReadStream(place), pack.entry({ ...header, size: stat.size }));
    }
  };
  await visit('');
  pack.finalize();
};

const other = (pack: Pack, header: Parameters<Pack['entry']>[0]): Promise<void> =>
  new Promise((resolve, reject) => {
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });
