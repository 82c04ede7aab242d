import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  HOOK,
  IN_CONTAINER,
  closeScene,
  executor,
  openScene,
  prepared,
  ran,
  runOf,
  whileCheckingOut,
} from './run-job.fixture.ts';

beforeEach(openScene);
afterEach(closeScene);

describe('The container of a job', () => {
  it('is made while the job is checked out', async () => {
    expect(await ran(runOf({}, [], IN_CONTAINER), { exitCode: 0 })).toMatchObject({ outcome: 'success' });
    expect(prepared).toEqual(['place', 'checkout', 'inputs']);
    expect(executor.closed).toEqual([1]);
  });

  it('is another one than that of the hook before the checkout', async () => {
    const run = runOf({ hooks: HOOK }, [], IN_CONTAINER);
    expect(await ran(run, { exitCode: 0 }, { exitCode: 0 })).toMatchObject({ outcome: 'success' });
    expect(prepared).toEqual(['empty workspace', 'place', 'checkout', 'inputs']);
    expect(executor.closed).toEqual([1, 2]);
  });

  it('is made only after the inputs where earlier jobs may say what it is', async () => {
    const run = runOf({}, ['p1.9'], IN_CONTAINER);
    expect(await ran(run, { exitCode: 0 })).toMatchObject({ outcome: 'success' });
    expect(prepared).toEqual(['checkout', 'inputs']);
  });

  it('is given up when the job is cancelled during its checkout', async () => {
    const run = runOf({}, [], IN_CONTAINER);
    whileCheckingOut(() => run.stop('cancelled'));
    expect(await run.run()).toMatchObject({ outcome: 'cancelled' });
    expect({ shells: executor.shells.length, givenUp: executor.givenUp }).toEqual({ shells: 0, givenUp: 1 });
    expect(prepared).toEqual(['place', 'checkout', 'inputs']);
  });

  it('is given up when the checkout fails', async () => {
    const run = runOf({}, [], IN_CONTAINER);
    whileCheckingOut(() => {
      throw new Error('the repository does not answer');
    });
    await expect(run.run()).rejects.toThrow('the repository does not answer');
    expect({ shells: executor.shells.length, givenUp: executor.givenUp }).toEqual({ shells: 0, givenUp: 1 });
  });
});
