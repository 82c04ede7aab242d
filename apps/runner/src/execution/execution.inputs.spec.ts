import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CacheSpec } from '@foldline/contracts';
import {
  assign,
  assigned,
  closeBench,
  embedded,
  ended,
  finish,
  leases,
  mark,
  marked,
  openBench,
  runner,
  script,
} from './runner.fixture.ts';

const CACHE: CacheSpec = {
  key: { text: 'k' },
  paths: ['out'],
  policy: 'pull-push',
  fallbackKeys: [],
  when: 'always',
};

describe('a runner whose read models are behind', () => {
  beforeEach(openBench);
  afterEach(async () => {
    leases.beforeApplicationShutdown();
    await closeBench();
  });

  it('begins a job that builds upon others only when they show what there is', async () => {
    const before: string[] = [];
    embedded.ports.readModels.reached = async () => {
      before.push(marked());
      return before.length > 2;
    };
    await assign({ ...script(`echo running >> ${mark()}`), cache: [CACHE] });
    await runner.accept(assigned);
    await ended();

    expect(before).toEqual(['', '', '']);
    expect((await finish()).outcome).toBe('success');
  });

  it('waits once for the tests that have failed before, which a job can do without', async () => {
    const before: string[] = [];
    embedded.ports.readModels.reached = async () => {
      before.push(marked());
      return false;
    };
    const reports = ['junit.xml'];
    const artifacts = { paths: [], exclude: [], when: 'on_success' as const, reports, readReports: { junit: reports } };
    await assign({ ...script(`echo running >> ${mark()}`), artifacts });
    await runner.accept(assigned);
    await ended();

    expect(before).toEqual(['']);
    expect((await finish()).outcome).toBe('success');
  });
});
