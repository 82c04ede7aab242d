import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RUNNER_SIGNAL, type RunnerHello } from '@foldline/contracts';
import { SiteUnavailable, type Executor } from '@foldline/kernel';
import {
  assign,
  assigned,
  closeBench,
  embedded,
  ended,
  finish,
  greetingOf,
  openBench,
  runner,
  signals,
  startRunner,
  typesOf,
} from './execution/runner.fixture.ts';

/** Its daemon answers, and has no room for a job: it is being stopped. */
const dying: Executor = {
  kinds: async () => ['process', 'docker'],
  kindOf: () => 'docker',
  open: () => Promise.reject(new SiteUnavailable('docker_unavailable', 'the container of the job has gone')),
  sweep: async () => ({ killed: 0 }),
  close: async () => undefined,
};

describe('a runner whose Docker daemon was gone for a job', () => {
  const hellos: { executors: readonly string[]; recorded: string[] }[] = [];
  let silence: () => void;
  beforeEach(async () => {
    await openBench();
    hellos.length = 0;
    embedded.ports.executor = dying;
    startRunner();
    greetingOf();
    silence = signals.listen(RUNNER_SIGNAL.hello, async (message) => {
      const recorded = await typesOf();
      hellos.push({ executors: (message as RunnerHello).offer.executors, recorded });
    });
  });
  afterEach(async () => {
    silence();
    await closeBench();
  });

  it('says that it has none before it says how the job ended, so that the next attempt is not given to it', async () => {
    await assign({ image: 'debian:12' });
    await runner.accept(assigned);
    await ended();
    expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' });
    expect(hellos).toEqual([{ executors: ['process'], recorded: expect.not.arrayContaining(['AttemptFinished']) }]);
  });
});
