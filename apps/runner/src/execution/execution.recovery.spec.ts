import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError } from '@foldline/kernel';
import {
  ATTEMPT,
  assign,
  assigned,
  closeBench,
  directories,
  directory,
  embedded,
  ended,
  finish,
  idle,
  mark,
  marked,
  openBench,
  recordedBefore,
  runner,
  running,
  script,
  startRunner,
  typesOf,
  until,
} from './runner.fixture.ts';

describe('a runner', () => {
  beforeEach(openBench);
  afterEach(closeBench);

  describe('whose log does not answer as hoped', () => {
    it('carries a job out once when its start was recorded and the answer was lost', async () => {
      await assign(script(`echo ran >> ${mark()}`));
      const { eventStore } = embedded.ports;
      const append = eventStore.append.bind(eventStore);
      eventStore.append = async (...call) => {
        eventStore.append = append;
        await append(...call);
        throw new PermanentError('the connection broke');
      };

      await Promise.all([runner.accept(assigned), runner.accept(assigned)]);
      await ended();
      await runner.accept(assigned);
      await idle();

      expect(marked()).toBe('ran\n');
      expect(await finish()).toMatchObject({ outcome: 'success' });
    });

    /** The log refuses ends for as long as this says; resolves when it has refused one. */
    const refusing = async (): Promise<{ stop: () => void }> => {
      const { eventStore } = embedded.ports;
      const append = eventStore.append.bind(eventStore);
      let refused = 0;
      eventStore.append = async (stream, events, expected) => {
        if (!events.some(({ type }) => type === 'AttemptFinished')) return append(stream, events, expected);
        refused += 1;
        throw new PermanentError('no room');
      };
      await runner.accept(assigned);
      await until(() => refused > 0);
      return { stop: () => void (eventStore.append = append) };
    };

    it('records the end of a job when the log takes it again, without anybody’s help', async () => {
      await assign();
      const refused = await refusing();
      const before = await typesOf();
      refused.stop();
      await ended();

      expect(before).not.toContain('AttemptFinished');
      expect(await finish()).toMatchObject({ outcome: 'success' });
    });

    it('leaves it to the next process when it goes down before that', async () => {
      await assign();
      const refused = await refusing();
      await idle();
      const left = directories();
      refused.stop();
      startRunner();
      await runner.onApplicationBootstrap();

      expect(left).toEqual([ATTEMPT]);
      expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost' });
      expect((await typesOf()).filter((type) => type === 'AttemptFinished')).toHaveLength(1);
      expect(directories()).toEqual([]);
    });
  });

  describe('that starts after a crash', () => {
    const leftover = (): string => {
      const path = join(directory, 'data/runners/jobs', ATTEMPT);
      mkdirSync(path, { recursive: true });
      return path;
    };

    it('kills what an attempt left running, reports it as lost, and removes its directory', async () => {
      await assign();
      await recordedBefore('started');
      const scratchDirectory = leftover();
      const { ports } = embedded;
      const site = await ports.executor.open({ attemptId: ATTEMPT, workspace: scratchDirectory, scratchDirectory });
      const left = await site.start({
        commands: [`echo running >> ${mark()}`, 'sleep 600'],
        environment: {},
        onOutput: () => undefined,
      });
      await running();

      await runner.onApplicationBootstrap();

      expect(await left.finished).toMatchObject({ signal: 'SIGKILL' });
      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(await finish()).toMatchObject({ outcome: 'lost', reason: 'runner_lost', runnerId: 'one', jobId: 'p1.0' });
      expect((await finish()).log).toBeUndefined();
      expect(directories()).toEqual([]);
    });

    it('reports it once, however often it starts', async () => {
      await assign();
      await recordedBefore('started');
      for (let starts = 0; starts < 2; starts += 1) {
        leftover();
        startRunner();
        await runner.onApplicationBootstrap();
        expect(directories()).toEqual([]);
      }

      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
    });

    it('only removes what is left of an attempt whose end was recorded', async () => {
      await assign();
      await recordedBefore('started', 'finished');
      leftover();

      await runner.onApplicationBootstrap();

      expect(await typesOf()).toEqual(['AttemptStarted', 'AttemptFinished']);
      expect(directories()).toEqual([]);
    });

    it('runs a job that had not been started when it is given again', async () => {
      await assign();
      leftover();

      await runner.onApplicationBootstrap();
      const left = directories();
      await runner.accept(assigned);
      await ended();

      expect(left).toEqual([]);
      expect(await finish()).toMatchObject({ outcome: 'success' });
    });
  });
});
