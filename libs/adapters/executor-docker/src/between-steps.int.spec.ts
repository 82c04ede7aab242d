import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import type { Site } from '@foldline/kernel';
import { whenAsked, withRealServer } from '@foldline/testing';
import { openDocker } from './docker-client.ts';
import { createDockerExecutor } from './docker-executor.ts';

const suite = (url: string): void => {
  const directory = mkdtempSync(join(tmpdir(), 'foldline-between-'));
  const executor = createDockerExecutor({ docker: openDocker(url), directory, network: 'none', limits: { pids: 64 } });
  let attempts = 0;
  let workspace: string;
  let site: Site;
  const after = async (command: string, user?: string): Promise<void> => {
    workspace = mkdtempSync(join(directory, 'workspace-'));
    site = await executor.open({
      attemptId: `between${process.pid}.${(attempts += 1)}.1`,
      workspace,
      scratchDirectory: directory,
      container: {
        image: 'foldline-test/busybox:1',
        workspaceAt: '/builds/ada/engine',
        mounts: [],
        ...(user && { user }),
      },
    });
    const step = await site.start({ commands: [command], environment: {}, onOutput: () => undefined });
    expect(await step.finished).toMatchObject({ exitCode: 0 });
  };
  /** What is seen in the workspace, if anybody is let. */
  const lent = async (): Promise<{ seen?: string[]; refused?: string }> => {
    let seen: string[] | undefined;
    const refused = await site.lend(async () => void (seen = readdirSync(workspace)));
    return { ...(seen && { seen }), ...(refused !== undefined && { refused }) };
  };
  afterEach(() => site.close());
  afterAll(async () => {
    await executor.close();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('The workspace of a container between two steps', () => {
    it('is lent when the steps have left things there, in /tmp and in caches of their home only', async () => {
      await after('touch made /tmp/other; mkdir /root; cd /root; mkdir -p .cache/tool');
      expect(await lent()).toEqual({ seen: ['made'] });
      expect(existsSync(workspace)).toBe(false);
    });

    it('is not all that later steps need when a step has installed something', async () => {
      await after('touch made /bin/tool');
      const refused = 'its steps have changed the container outside of its workspace (/bin/tool)';
      expect(await lent()).toEqual({ refused });
    });

    it('stays where it is when its files belong to somebody else', async () => {
      await after('touch made', '1001:1001');
      expect(await lent()).toEqual({ refused: 'the user of its container is another one than that of its runner' });
    });

    it('is not lent when the job has put something else in its place', async () => {
      await after('cd ..; mv engine other; ln -s /etc engine');
      expect(await lent()).toEqual({ refused: 'it has moved or removed its workspace' });
    });
  });
};

whenAsked('FOLDLINE_TEST_CONTAINERS', () => withRealServer('FOLDLINE_TEST_DOCKER_HOST', suite));
