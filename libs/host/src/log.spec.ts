import { beforeEach, describe, expect, it } from '@jest/globals';
import { logAbout } from '@foldline/kernel';
import { createLogger, loggerOf } from './log.ts';

let lines: string[];
const to = { write: (line: string) => void lines.push(line) };
const last = (): unknown => {
  const { time: _time, level: _level, ...fields } = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
  return fields;
};

beforeEach(() => {
  lines = [];
});

describe('a log line', () => {
  it('carries what is being worked on, and the service of its process', () => {
    const logger = createLogger('info', 'runner', to);
    logAbout({ eventId: 'e1', pipelineId: 'p1' }, () => logger.info({ more: 1 }, 'work'));
    expect(last()).toEqual({ service: 'runner', eventId: 'e1', pipelineId: 'p1', more: 1, msg: 'work' });
    logger.info({}, 'nothing in particular');
    expect(last()).toEqual({ service: 'runner', msg: 'nothing in particular' });
  });

  it('says each thing once: what it says itself comes before what it is written in', () => {
    const logger = createLogger('info', 'runner', to);
    logAbout({ service: 'scheduler', jobId: 'p1.1' }, () => logger.info({ jobId: 'p1.2' }, 'work'));
    expect(last()).toEqual({ service: 'scheduler', jobId: 'p1.2', msg: 'work' });
    expect(lines[0]!.match(/jobId|service/g)).toEqual(['service', 'jobId']);
  });

  it('names its service also where several are in one process', () => {
    const logger = createLogger('info', undefined, to);
    loggerOf('deployer', logger).warn({ err: new TypeError('odd') }, 'by itself');
    expect(last()).toMatchObject({ service: 'deployer', err: { type: 'TypeError', message: 'odd' }, msg: 'by itself' });
  });

  it('that is not written asks nobody what is being worked on', () => {
    let asked = 0;
    const fields = {
      get eventId(): string {
        asked += 1;
        return 'e1';
      },
    };
    const logger = createLogger('info', 'runner', to);
    logAbout(fields, () => logger.debug({}, 'not written'));
    expect(asked).toBe(0);
    logAbout(fields, () => logger.info({}, 'written'));
    expect(asked).toBe(1);
  });
});
