import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestsReported, VulnerabilitiesReported, type NewEvent } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, type StartedGateway } from '../gateway.fixture.ts';
import { projectIdOf } from '../projects/project-names.ts';
import { startJob, type StartedJob } from '../started-job.fixture.ts';

const projectId = projectIdOf('ada', 'engine');
let gateway: StartedGateway;

const reportedBy = ({ pipelineId, jobId, attemptId, context }: StartedJob) => {
  const attempt = { attemptId, pipelineId, jobId, attempt: 1 };
  return { ...attempt, projectId, sha: context.sha, job: 'build', place: 'build' };
};
const record = (job: StartedJob, event: NewEvent): Promise<unknown> =>
  gateway.record(`attempt-${job.attemptId}`, job.pipelineId, event);
const adds = { suite: 'math', name: 'adds' };

/** Runs the same three tests each time, of which one may fail. */
const test = async (pipelineId: string, failures: (typeof adds)[]): Promise<void> => {
  const job = await startJob(gateway, pipelineId);
  const counts = { tests: 3, failed: failures.length, errored: 0, skipped: 1, durationMs: 40 };
  const slowest = [{ ...adds, durationMs: 30 }];
  const lists = { ran: 'a'.repeat(64), failures, passedNow: [], slowest };
  await record(job, TestsReported({ ...reportedBy(job), ...counts, ...lists }));
};
const scan = async (pipelineId: string, scanner: string, critical: number, place = 'build'): Promise<void> => {
  const job = await startJob(gateway, pipelineId);
  const counts = { critical, high: 1, medium: 0, low: 0, info: 0, unknown: 0 };
  const inTime = { ofDefaultBranch: true, root: pipelineId, requestedAt: `2030-${pipelineId}` } as const;
  const about = { ...reportedBy(job), place, kind: 'sast' as const, scanner };
  await record(job, VulnerabilitiesReported({ ...about, ...counts, ...inTime }));
};
const statistics = async (minPosition = 0) =>
  (await gateway.as('get', `/api/ada/engine/statistics?minPosition=${minPosition}`).expect(200)).body;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

describe('the statistics of a project without reports', () => {
  it('tell of no tests, and of no scan', async () =>
    expect(await statistics()).toMatchObject({
      tests: { reports: 0, tests: 0, slowest: [] },
      flakyTests: [],
      security: {
        vulnerabilities: { critical: 0 },
        scans: [],
        coverage: {
          sast: false,
          dependency_scanning: false,
          container_scanning: false,
          secret_detection: false,
          dast: false,
        },
        compliance: { status: 'unknown', critical: 0, allowed: 0 },
      },
    }));
});

describe('the statistics of a project with reports', () => {
  beforeAll(async () => {
    await test('t1', [adds]);
    await test('t2', []);
    await scan('s1', 'Semgrep', 2);
    await scan('s2', 'Semgrep', 1);
    await scan('s2b', 'CodeQL', 4, 'other');
  });

  it('tell how many tests ran, how they ended, and which took longest (S3-39)', async () =>
    expect((await statistics()).tests).toEqual({
      reports: 2,
      tests: 6,
      failed: 1,
      errored: 0,
      skipped: 2,
      durationMs: 80,
      slowest: [{ ...adds, job: 'build', durationMs: 30 }],
    }));

  it('tell which tests are flaky, and how often they were (S3-39)', async () =>
    expect((await statistics()).flakyTests).toEqual([
      { ...adds, job: 'build', times: 1, sha: expect.any(String), lastSeenAt: expect.any(String) },
    ]));

  it('tell what the newest scan of each scanner has found, and which kinds of scan there are (S4-39)', async () => {
    const { security } = await statistics();
    expect(security.vulnerabilities).toEqual({ critical: 5, high: 2, medium: 0, low: 0, info: 0, unknown: 0 });
    expect(security.scans).toMatchObject([
      { kind: 'sast', scanner: 'Semgrep', job: 'build', pipelineId: 's2', critical: 1 },
      { scanner: 'CodeQL', critical: 4 },
    ]);
    expect(security.scans[0]).not.toHaveProperty('place');
    expect(security.coverage).toMatchObject({ sast: true, dast: false });
  });

  it('tell whether the project keeps to having no critical vulnerabilities, or no more than it allows (S4-39)', async () => {
    expect((await statistics()).security.compliance).toEqual({ status: 'violated', critical: 5, allowed: 0 });
    const rules = [{ rule: 'critical_vulnerabilities', threshold: 5 }];
    const { body: set } = await gateway.as('put', '/api/ada/engine/alerts').send({ rules }).expect(200);
    const { security } = await statistics(set.position);
    expect(security.compliance).toEqual({ status: 'compliant', critical: 5, allowed: 5 });
  });

  it('are told of each job, too', async () => {
    const { body } = await gateway.as('get', '/api/ada/engine/jobs/t1.0').expect(200);
    expect(body.tests).toEqual({ tests: 3, failed: 1, errored: 0, skipped: 1, durationMs: 40 });
    const scanned = await gateway.as('get', '/api/ada/engine/jobs/s1.0').expect(200);
    expect(scanned.body.scans).toMatchObject([{ kind: 'sast', scanner: 'Semgrep', critical: 2 }]);
  });

  it('are what a back-test of the alert rule looks at (S4-43)', async () => {
    const rule = '/api/ada/engine/alerts/critical_vulnerabilities/back-test';
    const { body } = await gateway.as('post', rule).send({ threshold: 4 }).expect(200);
    expect(body).toMatchObject({ default: { threshold: 0 }, firings: [{ value: 5, peak: 5, resolvedAt: null }] });
  });
});
