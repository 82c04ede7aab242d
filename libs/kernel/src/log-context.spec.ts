import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { handlingOf, idsOf, logAbout, logFields } from './log-context.ts';

const event = (stream: string, data: unknown, correlationId = stream) => ({
  id: 'e1',
  type: 'Happened',
  stream,
  correlationId,
  data,
});
const about = (...args: Parameters<typeof event>): object => {
  const { eventId, eventType, ...ids } = idsOf(event(...args));
  const handling = logAbout(handlingOf('runner', event(...args)), logFields);
  expect(handling).toEqual({ service: 'runner', eventId, eventType, ...ids });
  expect({ eventId, eventType }).toEqual({ eventId: 'e1', eventType: 'Happened' });
  return ids;
};
const ATTEMPT = { pipelineId: 'p1', jobId: 'p1.3', attemptId: 'p1.3.2' };

describe('what an event is about', () => {
  it('is said by its data', () => {
    expect(about('pipeline-p1', { pipelineId: 'p1' })).toEqual({ pipelineId: 'p1' });
    expect(about('pipeline-p1', { pipelineId: 'p1', jobId: 'p1.3' })).toEqual({ pipelineId: 'p1', jobId: 'p1.3' });
    expect(about('pipeline-p1', { pipelineId: 'p1', jobId: 'p1.3', attempt: 2 })).toEqual(ATTEMPT);
    expect(about('artifact-a1', ATTEMPT)).toEqual(ATTEMPT);
  });

  it('names no attempt before the first', () => {
    expect(about('pipeline-p1', { jobId: 'p1.3', attempt: 0 })).toEqual({ pipelineId: 'p1', jobId: 'p1.3' });
  });

  it('takes no other count for an attempt: a notification is attempted too', () => {
    expect(about('notification-n1', { notificationId: 'n1', attempt: 2 }, 'p1')).toEqual({ pipelineId: 'p1' });
  });

  it('is said by its stream where the data lies elsewhere or is not at hand', () => {
    for (const data of [undefined, null, 'text', { digest: 'abc' }]) {
      expect(about('attempt-p1.3.2', data)).toEqual(ATTEMPT);
      expect(about('log-p1.3.2', data)).toEqual(ATTEMPT);
      expect(about('pipeline-p1', data)).toEqual({ pipelineId: 'p1' });
      expect(about('trigger-p1', data)).toEqual({ pipelineId: 'p1' });
      expect(about('deployment-d1', data, 'p1')).toEqual({ pipelineId: 'p1' });
    }
  });

  it('is nothing of a pipeline where it belongs to none', () => {
    expect(about('runner-local-high', { runnerId: 'local-high' })).toEqual({});
    expect(about('project-x', { projectId: 'x' })).toEqual({});
  });

  it('is never what does not look like an id', () => {
    const odd = { pipelineId: 'p 1\n', jobId: '../p1.3', attemptId: 7, attempt: 1 };
    expect(about('attempt-what/ever', odd, 'A B')).toEqual({});
  });
});

describe('what log lines are about', () => {
  it('holds for the work and for whatever it begins, and ends with it', async () => {
    const seen: object[] = [];
    let later: Promise<void> | undefined;
    await logAbout({ eventId: 'e1' }, async () => {
      await sleep(1);
      seen.push(logFields());
      later = sleep(1).then(() => void seen.push(logFields()));
    });
    expect(logFields()).toEqual({});
    await later;
    expect(seen).toEqual([{ eventId: 'e1' }, { eventId: 'e1' }]);
  });

  it('is told apart where work of several runs side by side, and is the innermost', async () => {
    const look = async () => {
      await sleep(1);
      return logFields();
    };
    const both = await Promise.all([logAbout({ eventId: 'a' }, look), logAbout({ eventId: 'b' }, look)]);
    expect(both).toEqual([{ eventId: 'a' }, { eventId: 'b' }]);
    expect(await logAbout({ eventId: 'a', jobId: 'p1.1' }, () => logAbout({ eventId: 'b' }, look))).toEqual({
      eventId: 'b',
    });
  });
});
