import { beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError, type Logger } from '@foldline/kernel';
import { logFailures, type HandlingFailure } from './handling-failure.ts';

const error = new Error('the decider refuses');
const failure: HandlingFailure = {
  group: 'runner.local-high',
  key: 'p1',
  event: {
    id: 'e1',
    type: 'JobAssigned',
    stream: 'pipeline-p1',
    correlationId: 'p1',
    data: { jobId: 'p1.3', attempt: 1 },
  },
  error,
  tries: 3,
  attempts: 1,
};
const about = {
  service: 'runner',
  group: 'runner.local-high',
  key: 'p1',
  eventId: 'e1',
  eventType: 'JobAssigned',
  pipelineId: 'p1',
  jobId: 'p1.3',
  attemptId: 'p1.3.1',
  err: error,
};

describe('what the log is told of an event that could not be handled', () => {
  let lines: unknown[];
  let told: (failure: HandlingFailure) => void;
  const writer = (level: string) => (fields: object, message: string) => void lines.push([level, message, fields]);

  beforeEach(() => {
    lines = [];
    const logger: Logger = {
      debug: writer('debug'),
      info: writer('info'),
      warn: writer('warn'),
      error: writer('error'),
    };
    told = logFailures(logger);
  });

  it('is a warning where it is tried again, with what it is about and how often that was', () => {
    told({ ...failure, retryMs: 49.6 });
    expect(lines).toEqual([
      ['warn', 'an event could not be handled; it is tried again', { ...about, tries: 3, retryMs: 50 }],
    ]);
  });

  it('is only what a handler said that cannot do it yet', () => {
    told({ ...failure, error: new TransientError('the lease is not known yet'), retryMs: 50 });
    const { err, ...others } = about;
    expect(err).toBe(error);
    expect(lines).toEqual([
      [
        'warn',
        'an event could not be handled; it is tried again',
        { ...others, reason: 'the lease is not known yet', tries: 3, retryMs: 50 },
      ],
    ]);
  });

  it('is what lies behind an error that passes, where something does', () => {
    const behind = new TransientError('the log does not answer', { cause: error });
    told({ ...failure, error: behind, retryMs: 50 });
    expect(lines).toMatchObject([[expect.anything(), expect.anything(), { err: behind }]]);
  });

  it('is an error where it is parked, with how to see and to mend it', () => {
    told(failure);
    expect(lines).toEqual([
      [
        'error',
        'an event could not be handled; it is parked, with what comes behind it under its key',
        {
          ...about,
          attempts: 1,
          see: 'GET /api/v1/parked (foldline parked ls)',
          mend: 'POST /api/v1/parked/replay (foldline parked replay)',
        },
      ],
    ]);
  });
});
