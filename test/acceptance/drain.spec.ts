import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jobNamed, Sandbox, START_MS, until } from '@foldline/client';
import { Gate } from './gate.ts';

type Runner = { id: string; status: string };

describe('stopping a runner while it runs a job', () => {
  let sandbox: Sandbox;
  let gate: Gate;
  beforeEach(async () => {
    sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: 'one:high-power:1', FOLDLINE_DRAIN_SECONDS: '60' });
    gate = new Gate(sandbox.directory, 'work');
  }, START_MS);
  afterEach(() => sandbox.stop(), START_MS);

  const jobRuns = async (): Promise<string> => {
    sandbox.commit({ '.codara-ci.yml': `long:\n  script: "${gate.wait}; echo done"\n` });
    const { id } = await sandbox.trigger();
    await gate.reached();
    return id;
  };
  const runner = () => (sandbox.topology === 'distributed' ? sandbox.cluster.service('runner') : sandbox.server);
  const isDraining = () =>
    until('the runner to be draining', async () => {
      const { items } = await sandbox.client.get<{ items: Runner[] }>('/api/v1/runners');
      return items.some(({ id, status }) => id === 'one' && status === 'draining');
    });

  it(
    'lets the job end, gives it nothing more and ends the process with 0',
    async () => {
      const long = await jobRuns();
      const stopping = runner().stop();
      await isDraining();
      const later = await sandbox.trigger();
      await sandbox.jobIs(later.id, 'long', 'queued');
      gate.open();
      expect(await stopping).toBe(0);
      await (sandbox.topology === 'distributed' ? sandbox.cluster.startAll() : sandbox.restart());
      for (const { id } of [{ id: long }, later]) {
        const pipeline = await sandbox.rested(id);
        expect(jobNamed(pipeline, 'long')).toMatchObject({ status: 'success', attempt: 1 });
      }
    },
    2 * START_MS,
  );

  it(
    'is forced by SIGQUIT: the job is reported as lost, and begins again elsewhere or after the restart',
    async () => {
      const id = await jobRuns();
      const stopping = runner().stop();
      await isDraining();
      process.kill(pidOfRunner(), 'SIGQUIT');
      expect(await stopping).toBe(0);
      gate.open();
      await (sandbox.topology === 'distributed' ? sandbox.cluster.startAll() : sandbox.restart());
      const pipeline = await sandbox.rested(id);
      expect(jobNamed(pipeline, 'long')).toMatchObject({ status: 'success', attempt: 2 });
    },
    2 * START_MS,
  );

  const pidOfRunner = (): number => {
    const { pids } = sandbox.server;
    const pid = sandbox.topology === 'distributed' ? sandbox.cluster.service('runner').pid : pids[0];
    if (pid === undefined) throw new Error('the runner does not run');
    return pid;
  };
});
