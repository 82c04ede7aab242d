import { describe, expect, it } from '@jest/globals';
import { attemptIdOf, jobIdOf, jobOfAttempt, parseJobId, pipelineOfJob } from './ids.ts';

describe('Ids', () => {
  it('name their parents', () => {
    const job = jobIdOf('01abc', 12);
    const attempt = attemptIdOf(job, 3);

    expect({ job, attempt }).toEqual({ job: '01abc.12', attempt: '01abc.12.3' });
    expect(parseJobId(job)).toEqual({ pipelineId: '01abc', index: 12 });
    expect(jobOfAttempt(attempt)).toBe(job);
    expect(pipelineOfJob(job)).toBe('01abc');
  });

  it.each([
    '',
    '01abc',
    '01abc.',
    '.1',
    '01abc.1.1',
    '01abc.-1',
    '01abc.1e3',
    '01abc.1234567',
    '01ABC.1',
    '../x.1',
    'a/b.1',
    'a.1\n',
    `${'a'.repeat(65)}.1`,
  ])('of jobs are not %j', (text) => {
    expect(parseJobId(text)).toBeUndefined();
  });
});
