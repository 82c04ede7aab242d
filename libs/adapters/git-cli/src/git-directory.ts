import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedRef } from '@foldline/kernel';

type Head = { url: string; ref: Pick<ResolvedRef, 'name' | 'kind'>; sha: string };

/**
 * A `.git` written by hand: it borrows the objects of others, and has no hooks. Of branches and tags it knows the one
 * that it is for, as GitLab's have by default; `origin` is where others come from.
 */
export const writeGitDirectory = async (path: string, objects: string, { url, ref, sha }: Head): Promise<void> => {
  await mkdir(join(path, 'objects', 'info'), { recursive: true });
  await mkdir(join(path, 'refs'));
  await Promise.all([
    writeFile(join(path, 'HEAD'), `${sha}\n`),
    writeFile(
      join(path, 'packed-refs'),
      refsOf(ref).map((name) => `${sha} ${name}\n`),
    ),
    writeFile(join(path, 'config'), configOf(url)),
    writeFile(join(path, 'objects', 'info', 'alternates'), `${objects}\n`),
  ]);
};

/** All that it needs is its own by now. */
export const borrowNothing = (path: string): Promise<void> => rm(join(path, 'objects', 'info', 'alternates'));

const refsOf = ({ name, kind }: Head['ref']): string[] => {
  if (kind === 'commit') return [];
  return [kind === 'tag' ? `refs/tags/${name}` : `refs/remotes/origin/${name}`];
};

const configOf = (url: string): string => `[core]
\trepositoryformatversion = 0
\tbare = false
\tlogallrefupdates = false
[remote "origin"]
\turl = "${anonymous(url).replaceAll(/[\\"]/g, '\\$&')}"
\tfetch = +refs/heads/*:refs/remotes/origin/*
`;

/** Without what proves to the server who asks: over SSH that is the password, the name being part of the address. */
const anonymous = (address: string): string => {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  url.password = '';
  if (url.protocol !== 'ssh:') url.username = '';
  return url.href;
};
