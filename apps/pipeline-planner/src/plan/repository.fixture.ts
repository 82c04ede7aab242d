import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', '-c', 'commit.gpgsign=false'];

/** A git repository in a directory, whose commits tests write. */
export class Repository {
  constructor(readonly url: string) {
    mkdirSync(url, { recursive: true });
    this.git('init', '--quiet', '--initial-branch=main');
  }

  git(...args: string[]): string {
    return execFileSync('git', [...IDENTITY, ...args], { cwd: this.url, encoding: 'utf8' }).trim();
  }

  commit(files: Readonly<Record<string, string | Buffer>>): string {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.url, path)), { recursive: true });
      writeFileSync(join(this.url, path), content);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', 'change');
    return this.git('rev-parse', 'HEAD');
  }
}
