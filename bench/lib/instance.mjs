import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerProcess } from '@foldline/client';

const IDENTITY = ['-c', 'user.name=Bench', '-c', 'user.email=bench@foldline.example'];

/** A server on a fresh data directory, with one project whose definition each benchmark writes. */
export const startInstance = async (environment = {}) => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-bench-'));
  const repository = join(directory, 'repository');
  mkdirSync(repository);
  const git = (...args) => execFileSync('git', [...IDENTITY, ...args], { cwd: repository, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  const commit = (definition, files = {}) => {
    writeFileSync(join(repository, '.codara-ci.yml'), definition);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(repository, name), content);
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', 'bench');
    return git('rev-parse', 'HEAD');
  };
  commit('job:\n  script: "true"\n');
  const server = await startServerProcess(join(directory, 'data'), environment);
  await server.client.post('/api/v1/projects', { owner: 'bench', name: 'repo', url: repository });
  return {
    server,
    client: server.client,
    commit,
    trigger: (variables = {}) => server.client.post('/api/bench/repo/pipelines', { ref: 'main', variables }),
    finished: async (id) => {
      const ended = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped']);
      for (;;) {
        const pipeline = await server.client.get(`/api/bench/repo/pipelines/${id}`);
        if (ended.has(pipeline.status)) return pipeline;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};
