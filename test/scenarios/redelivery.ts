import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@foldline/client';
import { caughtUp, rewind } from './topic.ts';

/**
 * Hands every event of the past to every service once more, to processes that remember none of them; in the distributed
 * topology it resolves when all of them have been handled.
 */
export const redeliverThePast = async (sandbox: Sandbox): Promise<void> => {
  if (sandbox.topology === 'standalone') {
    const { dataDirectory } = sandbox.server;
    await sandbox.server.stop();
    // Without its checkpoints the embedded bus begins anew.
    rmSync(join(dataDirectory, 'bus'), { recursive: true });
    await sandbox.restart();
    return;
  }
  const { cluster } = sandbox;
  await cluster.stopServices();
  await rewind(cluster);
  await cluster.startAll();
  await caughtUp(cluster);
};
