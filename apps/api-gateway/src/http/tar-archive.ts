import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack as newPack, type Pack } from 'tar-stream';

/** What is archived is mostly compressed or soon thrown away: speed counts more than the last tenth. */
const GZIP_LEVEL = 3;

/** Added to permissions, for none at all are taken for those that nobody has named; the archive is without. */
const NAMED = 0o100000;

type Content = Readable | AsyncIterable<Buffer>;
/** Of a file, `size` bytes are what its content has. */
export type TarMember = { path: string; mtime: Date } & (
  | { kind: 'file'; mode: number; size: number; content: () => Content | Promise<Content> }
  | { kind: 'dir'; mode: number }
  | { kind: 'link'; target: string }
);

/**
 * A compressed tar archive that is made while it is read. Whoever names the members sees to it that none lies outside of
 * where it is unpacked. When a content fails, or has another size, the archive is cut short.
 */
export const tarArchive = (members: Iterable<TarMember>): Readable => {
  const pack = newPack();
  const gzip = createGzip({ level: GZIP_LEVEL });
  const fill = async (): Promise<void> => {
    for (const member of members) await add(pack, member);
    pack.finalize();
  };
  // Whatever breaks off cuts the archive short, which its reader sees: gzip ends in a checksum.
  const cut = (error: unknown): void => void gzip.destroy(error as Error);
  pipeline(pack, gzip).catch(cut);
  fill().catch((error: unknown) => {
    cut(error);
    pack.destroy();
  });
  return gzip;
};

const add = async (pack: Pack, member: TarMember): Promise<void> => {
  if (member.kind !== 'file') return addOther(pack, member);
  const { path: name, size, mode, mtime } = member;
  const content = await member.content();
  await pipeline(content, pack.entry({ name, type: 'file', size, mode: mode | NAMED, mtime }));
};

const addOther = (pack: Pack, member: Exclude<TarMember, { kind: 'file' }>): Promise<void> =>
  new Promise((resolve, reject) => {
    const { path, mtime } = member;
    const header =
      member.kind === 'dir'
        ? ({ name: `${path}/`, type: 'directory', mode: member.mode | NAMED, mtime } as const)
        : ({ name: path, type: 'symlink', linkname: member.target, mtime } as const);
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });
