import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, jobNamed, until, type PipelineAnswer } from '@foldline/client';
import { Cluster, EventStoreServer, clear, settingsFor, uniqueName, withServers } from './cluster.ts';
import { foldline, type Ended } from './run-cli.ts';

withServers((servers) => {
  describe.each(['stopped in order', 'killed'])('a pipeline under way when its server was %s and migrated', (how) => {
    let scratch: string;
    let sandbox: Sandbox;
    let eventStore: EventStoreServer | undefined;
    let cluster: Cluster | undefined;
    let settings: Record<string, string>;
    let moved: Ended;
    let ended: PipelineAnswer;

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'foldline-under-way-'));
      const [came, open] = [join(scratch, 'came'), join(scratch, 'open')];
      sandbox = await Sandbox.start();
      const definition = `wait:\n  script: touch ${came}; until [ -e ${open} ]; do sleep 0.1; done\nafter:\n  needs: [wait]\n  script: "true"\n`;
      sandbox.commit({ '.codara-ci.yml': definition });
      const { id } = await sandbox.trigger();
      await until('the job to run', () => existsSync(came));
      await (how === 'killed' ? sandbox.server.kill() : sandbox.server.stop());
      // Also for the job that nobody ended.
      writeFileSync(open, '');
      eventStore = await EventStoreServer.start(join(scratch, 'eventstore'));
      settings = settingsFor(servers, eventStore.url, uniqueName('under-way'));
      delete settings['FOLDLINE_SECRET_KEY'];
      settings['FOLDLINE_SECRET_KEY_FILE'] = join(sandbox.server.dataDirectory, 'secret-key');
      moved = await foldline(['migrate', '--from', sandbox.server.dataDirectory], join(scratch, 'unused'), settings);
      // Long enough for a runner that starts on a busy machine with six others: it must not be lost itself.
      cluster = await Cluster.start(join(scratch, 'cluster'), { ...settings, FOLDLINE_RUNNER_LEASE_SECONDS: '6' });
      const { client } = cluster;
      ended = await until(
        'the pipeline to end',
        async () => {
          const pipeline = await client.get<PipelineAnswer>(`/api/${PROJECT}/pipelines/${id}`).catch(() => undefined);
          return pipeline && ['success', 'failed'].includes(pipeline.status) && pipeline;
        },
        120_000,
      );
    }, 300_000);
    afterAll(async () => {
      await cluster?.stop();
      await eventStore?.stop();
      await clear(settings);
      for (const directory of [scratch, sandbox.directory]) rmSync(directory, { recursive: true, force: true });
    }, 60_000);

    it('is counted', () => {
      expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining('Under way: 1 pipelines') });
    });

    it('goes on in the cluster: the job that was lost runs again, and what needs it', () => {
      expect(ended.status).toBe('success');
      expect(jobNamed(ended, 'wait').attempt).toBe(2);
      expect(jobNamed(ended, 'after')).toMatchObject({ status: 'success', attempt: 1 });
    });
  });
});
