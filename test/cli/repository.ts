import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const AUTHOR = ['-c', 'user.name=Reader', '-c', 'user.email=reader@foldline.example', '-c', 'commit.gpgsign=false'];

/** A new git repository with these files in one commit on `main`; answers with its path. */
export const committed = (path: string, files: Readonly<Record<string, string>>): string => {
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  const git = (...args: string[]): unknown => execFileSync('git', ['-C', path, ...AUTHOR, ...args]);
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--allow-empty', '-m', 'Begin');
  return path;
};
