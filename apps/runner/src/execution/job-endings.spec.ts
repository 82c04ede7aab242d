import { expect, it } from '@jest/globals';
import { statusOf } from './job-endings.ts';

it.each([
  ['success', 'success'],
  ['failed', 'failed'],
  ['timed_out', 'failed'],
  ['lost', 'failed'],
  ['cancelled', 'canceled'],
] as const)('a script whose outcome is %s is %s to after_script', (outcome, status) =>
  expect(statusOf({ outcome })).toBe(status),
);
