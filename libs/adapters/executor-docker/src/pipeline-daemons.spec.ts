import { describe, expect, it, jest } from '@jest/globals';
import { PipelineDaemons } from './pipeline-daemons.ts';

const IDLE_MS = 20;

/** A daemon that tells what became of it. */
class Daemon {
  isUp = true;
  readonly end = jest.fn(async () => void (this.isUp = false));
  isRunning = async (): Promise<boolean> => this.isUp;
}

const untilEnded = async ({ end }: Daemon): Promise<void> => {
  while (end.mock.calls.length === 0) await new Promise(setImmediate);
};

describe('The daemons of pipelines', () => {
  const opened = () => {
    const daemons = new PipelineDaemons<Daemon>(IDLE_MS);
    const start = jest.fn(async () => new Daemon());
    return { daemons, start, take: (pipelineId: string) => daemons.take(pipelineId, start) };
  };

  it('are one for each pipeline, also for jobs that ask at the same time', async () => {
    const { start, take } = opened();
    const [first, second, other] = await Promise.all([take('one'), take('one'), take('two')]);
    expect(first.daemon).toBe(second.daemon);
    expect(other.daemon).not.toBe(first.daemon);
    expect(start).toHaveBeenCalledTimes(2);
  });

  it('end a while after the last job that had them, and not between two jobs', async () => {
    const { daemons, start, take } = opened();
    const first = await take('one');
    const second = await take('one');
    first.release();
    first.release();
    second.release();
    const third = await take('one');
    await new Promise((resolve) => setTimeout(resolve, 3 * IDLE_MS));
    expect(third.daemon.end).not.toHaveBeenCalled();
    third.release();
    await untilEnded(third.daemon);
    expect(await daemons.find('one')).toBeUndefined();
    expect(start).toHaveBeenCalledTimes(1);
  });

  it('are found by jobs that do not ask for one, which keep them', async () => {
    const { daemons, take } = opened();
    expect(await daemons.find('one')).toBeUndefined();
    const asked = await take('one');
    const found = await daemons.find('one');
    expect(found!.daemon).toBe(asked.daemon);
    asked.release();
    await new Promise((resolve) => setTimeout(resolve, 3 * IDLE_MS));
    expect(asked.daemon.end).not.toHaveBeenCalled();
    found!.release();
    await untilEnded(asked.daemon);
  });

  it('that have ended by themselves are replaced, and cleared away when nobody has them any more', async () => {
    const { start, take } = opened();
    const first = await take('one');
    first.daemon.isUp = false;
    const second = await take('one');
    expect(second.daemon).not.toBe(first.daemon);
    expect(start).toHaveBeenCalledTimes(2);
    expect([first.isReplacement, second.isReplacement]).toEqual([false, true]);
    expect(first.daemon.end).not.toHaveBeenCalled();
    first.release();
    await untilEnded(first.daemon);
  });

  it('that have ended by themselves are known to be replaced, also where a job found that out that asked for none', async () => {
    const { daemons, take } = opened();
    const first = await take('one');
    first.daemon.isUp = false;
    first.release();
    expect(await daemons.find('one')).toBeUndefined();
    expect((await take('one')).isReplacement).toBe(true);
    expect((await take('two')).isReplacement).toBe(false);
  });

  it('that could not be started fail whoever waits, and are tried anew for the next one', async () => {
    const { daemons, take } = opened();
    const failing = async (): Promise<Daemon> => Promise.reject(new Error('no space'));
    const asked = [daemons.take('one', failing), daemons.take('one', failing)];
    for (const each of asked) await expect(each).rejects.toThrow('no space');
    expect((await take('one')).daemon.isUp).toBe(true);
  });

  it('that could not be cleared away are tried again', async () => {
    const { take } = opened();
    const { daemon, release } = await take('one');
    daemon.end.mockRejectedValueOnce(new Error('the daemon of the runner does not answer'));
    release();
    while (daemon.isUp) await new Promise(setImmediate);
    expect(daemon.end).toHaveBeenCalledTimes(2);
  });

  it('without a job are four at most: the one that has been for longest ends first', async () => {
    const daemons = new PipelineDaemons<Daemon>(600_000);
    const take = (pipelineId: string) => daemons.take(pipelineId, async () => new Daemon());
    const first = await take('first');
    for (const pipelineId of ['second', 'third', 'fourth']) (await take(pipelineId)).release();
    first.release();
    const second = await take('second');
    second.release();
    // One that is in use does not count.
    await take('used');
    const rested: Daemon[] = [];
    // The third and the fourth have been without a job for longer than the first.
    for (const pipelineId of ['fifth', 'sixth', 'seventh']) {
      const { daemon, release } = await take(pipelineId);
      rested.push(daemon);
      release();
    }
    await new Promise(setImmediate);
    expect([first.daemon.isUp, second.daemon.isUp, ...rested.map(({ isUp }) => isUp)]).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    await daemons.close();
  });

  it('all end with their runner', async () => {
    const { daemons, take } = opened();
    const [one, two] = await Promise.all([take('one'), take('two')]);
    two.release();
    await daemons.close();
    expect([one.daemon.isUp, two.daemon.isUp]).toEqual([false, false]);
  });
});
