import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobStopRequested, type Recorded } from '@foldline/contracts';
import { TransientError } from '@foldline/kernel';
import {
  ATTEMPT,
  assign,
  assigned,
  closeBench,
  directories,
  embedded,
  ended,
  endless,
  eventsOf,
  finish,
  idle,
  log,
  mark,
  marked,
  openBench,
  recordedBefore,
  runner,
  running,
  script,
  typesOf,
} from './runner.fixture.ts';

describe('a runner', () => {
  beforeEach(openBench);
  afterEach(closeBench);

  describe('that is given a job which an earlier process has finished', () => {
    it('does not run it again and leaves no directory behind', async () => {
      await assign();
      await recordedBefore('started', 'finished');

      await runner.accept(assigned);

      expect((await eventsOf(ATTEMPT)).map(({ type }) => type)).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(directories()).toEqual([]);
    });
  });

  describe('that is given a job', () => {
    it('records its start, its steps and its end, keeps its log, and leaves no directory', async () => {
      await assign();

      await runner.accept(assigned);
      await ended();

      expect(await typesOf()).toEqual(['AttemptStarted', 'StepFinished', 'StepFinished', 'AttemptFinished']);
      expect(await finish()).toMatchObject({ outcome: 'success', exitCode: 0, commits: [] });
      expect(await log()).toMatch(/Running on one.*Checked out.*built\n/s);
      const sealing = embedded.ports.logStore.seal(ATTEMPT, (await finish()).log!);
      await expect(sealing).resolves.toBeUndefined();
    });

    it('runs it once, however often it is given', async () => {
      await assign(script(`echo ran >> ${mark()}`));

      await Promise.all([runner.accept(assigned), runner.accept(assigned)]);
      await ended();
      await runner.accept(assigned);
      await idle();

      expect(marked()).toBe('ran\n');
      expect((await typesOf()).filter((type) => type === 'AttemptStarted')).toHaveLength(1);
    });

    it('runs its after_script in a shell that knows nothing of the script but how that ended', async () => {
      await assign({
        steps: [
          {
            name: 'script',
            kind: 'shell',
            commands: ['export LEFT=behind', 'cd /', 'echo "is $CI_JOB_STATUS"', 'false'],
          },
          { name: 'after_script', kind: 'shell', commands: ['echo "was $CI_JOB_STATUS, ${LEFT:-nothing} in $PWD"'] },
        ],
      });

      await runner.accept(assigned);
      await ended();

      expect(await log()).toMatch(/^is running$/m);
      expect(await log()).toMatch(/^was failed, nothing in .+\/workspace$/m);
      expect(await finish()).toMatchObject({ outcome: 'failed', exitCode: 1 });
    });

    it('runs its hook in an empty workspace, of which nothing is left when the commit is there', async () => {
      const hook = ['ls -A', 'echo "hook of $CI_JOB_NAME in $PWD"', 'echo mine > left'];
      await assign({ ...script('ls', 'echo built'), hooks: { preGetSources: hook } });

      await runner.accept(assigned);
      await ended();

      expect(await log()).toMatch(/^hook of build in .+\/workspace$/m);
      expect(await log()).toMatch(/^README\.md$/m);
      expect(await log()).not.toMatch(/^left$/m);
      const steps = (await eventsOf(ATTEMPT)).filter(({ type }) => type === 'StepFinished');
      expect(steps).toMatchObject([
        { data: { index: 0, name: 'pre_get_sources_script', outcome: 'success' } },
        { data: { index: 1, name: 'checkout' } },
        { data: { index: 2, name: 'script' } },
      ]);
    });

    it('does not check out the commit of a job whose hook failed', async () => {
      await assign({ ...script(`echo ran >> ${mark()}`), hooks: { preGetSources: ['exit 4'] } });

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'script_failure', exitCode: 4 });
      expect(await log()).not.toContain('Checked out');
      expect(marked()).toBe('');
    });

    it('leaves it alone when it is another runner’s', async () => {
      await assign();

      await runner.accept({ ...assigned, data: { ...assigned.data, runnerId: 'two' } });
      await idle();

      expect({ events: await typesOf(), directories: directories() }).toEqual({ events: [], directories: [] });
    });

    it('shows its secrets to the job and to nobody else', async () => {
      const sealed = embedded.ports.secretBox.seal('hunter2-long', 'project:pr1:secret:deploy');
      await assign(
        { ...script(`echo $KEY > ${mark()}`, 'echo key is $KEY'), secrets: { KEY: { vault: 'deploy' } } },
        { secrets: [{ path: 'deploy', sealed }] },
      );

      await runner.accept(assigned);
      await ended();

      expect(marked()).toBe('hunter2-long\n');
      expect(await log()).toContain('key is [masked]');
      expect(JSON.stringify([await log(), await eventsOf(ATTEMPT)])).not.toContain('hunter2');
    });

    it('fails it when the vault lacks a secret, as a mistake of the definition', async () => {
      await assign({ secrets: { KEY: { vault: 'none' } } });

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'config_error' });
    });

    it('fails it when its commit cannot be had, and leaves no directory', async () => {
      await assign({}, { sha: 'f'.repeat(40) });

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'runner_system_failure' });
      expect(await log()).toContain('has no commit');
    });

    it('says how it ended also when its output was too much for the log', async () => {
      await assign({
        ...script("head -c 17000000 /dev/zero | tr '\\0' x", 'touch kept', 'exit 3'),
        artifacts: { paths: ['kept'], exclude: [], when: 'always', reports: [] },
      });

      await runner.accept(assigned);
      await ended();

      const { log, outcome } = await finish();
      const end = (await embedded.ports.logStore.read(ATTEMPT, log!.bytes - 400, log!.bytes)).toString();
      expect(end).toMatch(/x\n\[log exceeded .*Uploaded artifacts: 1 files.*Job failed: exit code 3[^\n]*\n$/s);
      expect(outcome).toBe('failed');
      await expect(embedded.ports.logStore.seal(ATTEMPT, log!)).resolves.toBeUndefined();
    });

    it('waits for a log store that takes nothing for a while, and loses none of the output', async () => {
      const { logStore } = embedded.ports;
      const append = logStore.append.bind(logStore);
      let refused = 0;
      logStore.append = async (...frame) => {
        refused += 1;
        if (refused <= 2) throw new TransientError('64 MiB of logs wait to be uploaded');
        return append(...frame);
      };
      await assign(script('echo first', 'echo last'));

      await runner.accept(assigned);
      await ended();

      expect((await finish()).outcome).toBe('success');
      expect(await log()).toMatch(/attempt 1.*\nfirst\n.*\nlast\n$/s);
    });

    it('records its end also when its log cannot be kept', async () => {
      await assign();
      embedded.ports.logStore.append = async () => {
        throw new TransientError('the disk is full', { cause: { code: 'ENOSPC' } });
      };

      await runner.accept(assigned);
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'runner_system_failure' });
      expect((await finish()).log).toBeUndefined();
    });
  });

  describe('that is told to stop a job', () => {
    const stop = (jobId: string): void =>
      runner.stop({
        data: { pipelineId: 'p1', jobId, attempt: 1, runnerId: 'one', because: 'cancelled' },
      } as unknown as Recorded<ReturnType<typeof JobStopRequested>>);

    it('ends it, and tells that it was cancelled', async () => {
      await assign(endless());
      await runner.accept(assigned);
      await running();

      stop('p1.0');
      await ended();

      expect(await finish()).toMatchObject({ outcome: 'cancelled', reason: 'cancelled' });
    });

    it('does nothing when that is not running here', async () => {
      await assign();

      expect(() => stop('p1.7')).not.toThrow();
    });
  });

  describe('that shuts down', () => {
    it('ends its jobs at once and reports them as lost', async () => {
      await assign(endless());
      await runner.accept(assigned);
      await running();

      await idle();

      expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
      expect(directories()).toEqual([]);
      expect((await embedded.ports.executor.sweep(ATTEMPT)).killed).toBe(0);
    });

    it('waits for a job that it is just taking, and reports it as lost too', async () => {
      await assign(endless());
      const taking = runner.accept(assigned);

      await idle();
      await taking;

      expect(await typesOf()).toEqual(expect.arrayContaining(['AttemptStarted', 'AttemptFinished']));
      expect(await finish()).toMatchObject({ outcome: 'lost' });
      expect(marked()).toBe('');
    });

    it('takes no more: the job is given again later', async () => {
      await assign();
      await idle();

      await expect(runner.accept(assigned)).rejects.toBeInstanceOf(TransientError);
      expect(await typesOf()).toEqual([]);
    });
  });
});
