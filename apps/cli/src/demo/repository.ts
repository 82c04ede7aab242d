import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/shop', import.meta.url));
const HOOK = fileURLToPath(new URL('./post-receive.js', import.meta.url));
const IDENTITY = {
  GIT_AUTHOR_NAME: 'Demo',
  GIT_AUTHOR_EMAIL: 'demo@shop.example',
  GIT_COMMITTER_NAME: 'Demo',
  GIT_COMMITTER_EMAIL: 'demo@shop.example',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

export type DemoRepository = {
  bare: string;
  push: (message: string, change?: string) => { sha: string; output: string };
};

/**
 * A bare repository with the example in it and a hook that tells Foldline about each push, signed as a forge would.
 * It is made anew each time; what Foldline recorded about earlier ones stays.
 */
export const createRepository = (directory: string, webhook: { url: string; secret: string }): DemoRepository => {
  const bare = join(directory, 'shop.git');
  const work = join(directory, 'shop');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const git = (cwd: string, ...args: string[]): string =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...IDENTITY },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  git(directory, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
  writeFileSync(join(bare, 'foldline-hook.json'), JSON.stringify({ ...webhook, fullName: 'demo/shop' }), {
    mode: 0o600,
  });
  cpSync(EXAMPLE, work, { recursive: true });
  git(work, 'init', '--quiet', '--initial-branch=main');
  git(work, 'remote', 'add', 'origin', bare);
  if (!existsSync(join(work, '.codara-ci.yml'))) throw new Error(`the example is incomplete: ${EXAMPLE}`);
  git(work, 'commit', '--quiet', '--allow-empty', '-m', 'Begin');
  git(work, 'push', '--quiet', 'origin', 'main');
  const hook = join(bare, 'hooks', 'post-receive');
  writeFileSync(hook, `#!/bin/sh\nexec "${process.execPath}" "${HOOK}"\n`);
  chmodSync(hook, 0o755);
  return {
    bare,
    push: (message, change) => {
      if (change) appendFileSync(join(work, 'README.md'), `${change}\n`);
      git(work, 'add', '--all');
      git(work, 'commit', '--quiet', '--allow-empty', '-m', message);
      const output = execFileSync('sh', ['-c', 'git push --quiet origin main 2>&1'], {
        cwd: work,
        encoding: 'utf8',
        env: { ...process.env, ...IDENTITY },
      });
      return { sha: git(work, 'rev-parse', 'HEAD').trim(), output };
    },
  };
};
