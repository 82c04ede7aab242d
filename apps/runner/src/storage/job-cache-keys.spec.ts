import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { CacheSpec } from '@foldline/contracts';
import { directory, jobWith, prepareCaches, reads, restored, type Job } from './job-caches.fixture.ts';
import { findCaches } from './job-caches.ts';

prepareCaches(false);

describe('A cache', () => {
  describe('that belongs to a tool', () => {
    const cache = (key: string): Partial<CacheSpec> => ({
      key: { text: key },
      fallbackKeys: ['npm-'],
      tool: 'node',
      paths: ['node_modules/', '.npm/'],
    });

    it('has the platform and the version in its key', async () => {
      const job = jobWith(cache('npm-1'));
      await job.run(() => job.write('node_modules/a', 'a'));
      expect(job.facts).toMatchObject([
        { data: { key: 'linux/amd64-node1.0-npm-1', result: 'miss' } },
        { data: { key: 'linux/amd64-node1.0-npm-1', files: 1 } },
      ]);
    });

    it('says nothing of places where the tool has left nothing', async () => {
      const job = jobWith(cache('npm-1'));
      await job.run(() => job.write('node_modules/a', 'a'));
      expect(job.lines.filter((line) => line.startsWith('WARNING'))).toEqual([]);
    });

    it('is never that of another version or platform, not even by a fallback', async () => {
      const job = jobWith(cache('npm-1'));
      await job.run(() => job.write('node_modules/a', 'a'));
      expect(await restored(cache('npm-2'), { platform: 'linux/arm64-node1.0' })).toEqual([undefined, 'miss']);
      expect((await restored(cache('npm-2')))[1]).toBe('fallback');
    });

    it('is what protected branches have saved where a branch has none of its own, and never the other way', async () => {
      const saves = async (key: string, text: string, isProtected: boolean): Promise<void> => {
        const job = jobWith(cache(key), { protected: isProtected });
        await job.run(() => job.write('node_modules/which', text));
      };
      await saves('npm-1', 'of a branch', false);
      expect(await restored(cache('npm-1'), { protected: true })).toEqual([undefined, 'miss']);
      await saves('npm-1', 'of main', true);
      await saves('npm-2', 'of main', true);
      expect(await restored(cache('npm-1'))).toEqual(['of a branch', 'hit']);
      expect(await restored(cache('npm-2'))).toEqual(['of main', 'hit']);
      expect(await restored(cache('npm-3'), { protected: true })).toEqual(['of main', 'fallback']);
    });

    it('hides a secret that the name of its image has in it', async () => {
      const job = jobWith(cache('npm-1'), { platform: 'linux/amd64-hub/s3cr3t-value/node', secrets: ['s3cr3t-value'] });
      await job.run(() => job.write('node_modules/a', 'a'));
      expect(JSON.stringify(job.facts)).not.toContain('s3cr3t-value');
    });
  });

  describe('whose key is made of files', () => {
    const key = (files: string[], prefix?: string): CacheSpec['key'] => ({ files, ...(prefix ? { prefix } : {}) });
    const keyOf = async (job: Job): Promise<string> => {
      const [cache] = await findCaches(job.scene, reads);
      return cache!.key;
    };
    const keyWith = async (cache: CacheSpec['key'], files: Record<string, string>): Promise<string> => {
      const job = jobWith({ key: cache }, { variables: { P: 'lock' } });
      for (const [path, text] of Object.entries(files)) job.write(path, text);
      return keyOf(job);
    };

    it('is the same wherever their content is, in whatever order they are named', async () => {
      const files = { 'a.lock': 'a', 'sub/b.lock': 'b' };

      expect(await keyWith(key(['a.lock', 'sub/b.lock']), files)).toMatch(/^[0-9a-f]{40}$/);
      expect(await keyWith(key(['a.lock', 'sub/b.lock']), files)).toBe(
        await keyWith(key(['sub/b.lock', 'a.lock']), files),
      );
    });

    it('changes with their content', async () => {
      expect(await keyWith(key(['a']), { a: '1' })).not.toBe(await keyWith(key(['a']), { a: '2' }));
      expect(await keyWith(key(['a']), { a: '' })).not.toBe(await keyWith(key(['a']), {}));
    });

    it('has its prefix in front', async () => {
      expect(await keyWith(key(['a'], '$P'), { a: '1' })).toMatch(/^lock-[0-9a-f]{40}$/);
    });

    it('takes files outside the workspace for absent, however they are named', async () => {
      writeFileSync(join(directory, 'secret'), 'x');
      const absent = await keyWith(key(['none']), {});
      const job = jobWith({ key: key(['none']) });
      const under = async (name: string): Promise<string[]> => {
        job.scene.assignment.job.cache[0]!.key = key([name]);
        await keyOf(job);
        return job.lines.splice(0);
      };
      symlinkSync(directory, join(job.scene.workspace, 'up'));
      symlinkSync(join(directory, 'secret'), join(job.scene.workspace, 'link'));

      expect(await keyOf(job)).toBe(absent);
      for (const name of ['../secret', join(directory, 'secret'), 'up/secret', 'link', 'a\0b', '.', ''])
        expect(await under(name)).toContain(`WARNING cache key file ${name} does not exist`);
    });
  });
});
