import { describe, expect, it } from '@jest/globals';
import type { JobAssigned, PlannedJob } from '@foldline/contracts';
import { plannedJob, sampleContext } from '@foldline/testing';
import { targetOfJob } from './target-of-job.ts';

type Assigned = ReturnType<typeof JobAssigned>['data'];

const assigned = (
  environment: PlannedJob['environment'],
  variables: { pipeline?: Record<string, string>; job?: Record<string, string>; request?: Record<string, string> } = {},
  more: Partial<PlannedJob> = {},
): Assigned => ({
  pipelineId: 'p1',
  jobId: 'p1.0',
  attempt: 1,
  runnerId: 'r1',
  cluster: { id: 'c', power: 'low-power' },
  job: plannedJob(0, 'deploy', { variables: variables.job ?? {}, ...(environment && { environment }), ...more }),
  context: {
    ...sampleContext,
    ref: { name: 'Feature/Login', kind: 'branch', protected: false },
    sha: '0123456789abcdef0123456789abcdef01234567',
    variables: variables.request ?? {},
  },
  pipelineVariables: variables.pipeline ?? {},
  artifactJobs: [],
  because: { rule: 'r', detail: 'd', jobs: [] },
});

describe('the target of a job', () => {
  it('is nothing for a job without an environment', () => expect(targetOfJob(assigned(undefined))).toBeUndefined());

  it.each(['prepare', 'verify', 'access', 'stop'] as const)(
    'is nothing for a job that uses its environment to %s',
    (action) => expect(targetOfJob(assigned({ name: 'production', action }))).toBeUndefined(),
  );

  it('is the environment that the job is written to start', () =>
    expect(targetOfJob(assigned({ name: 'production', action: 'start' }))).toEqual({ name: 'production' }));

  it('is its environment as written', () =>
    expect(targetOfJob(assigned({ name: 'production', url: 'https://app.example.com/' }))).toEqual({
      name: 'production',
      url: 'https://app.example.com/',
    }));

  it('fills in the ref and the commit', () =>
    expect(
      targetOfJob(
        assigned({
          name: 'review/$CI_COMMIT_REF_NAME',
          url: 'https://${CI_COMMIT_REF_SLUG}.test/$CI_COMMIT_SHORT_SHA',
        }),
      ),
    ).toEqual({ name: 'review/Feature/Login', url: 'https://feature-login.test/01234567' }));

  it('fills in the environment itself in its address', () =>
    expect(
      targetOfJob(
        assigned({
          name: 'review/$CI_COMMIT_REF_NAME',
          url: 'https://$CI_ENVIRONMENT_SLUG.test/$CI_ENVIRONMENT_NAME/$CI_ENVIRONMENT_TIER',
        }),
      )?.url,
    ).toMatch(/^https:\/\/review-feature-lo-[a-z0-9]{6}\.test\/review\/Feature\/Login\/development$/));

  it('lets the request win over the job, and the job over the pipeline', () => {
    const variables = { pipeline: { A: 'p', B: 'p', C: 'p' }, job: { B: 'j', C: 'j' }, request: { C: 'r' } };
    expect(targetOfJob(assigned({ name: '$A$B$C' }, variables))?.name).toBe('pjr');
  });

  it('fills in variables that name others', () =>
    expect(
      targetOfJob(
        assigned({ name: 'review/$SITE' }, { job: { SITE: '$TEAM-$CI_JOB_NAME' }, request: { TEAM: 'shop' } }),
      )?.name,
    ).toBe('review/shop-deploy'));
  it('knows of the pipeline’s variables only what the job takes over', () => {
    const variables = { pipeline: { SITE: 'shop', TEAM: '-$KEPT', KEPT: 'kept' } };
    expect(targetOfJob(assigned({ name: 'review$SITE$TEAM' }, variables, { inheritedVariables: ['TEAM'] }))?.name).toBe(
      'review-',
    );
  });

  it('stands as it was written when it grows beyond all bounds', () => {
    const job = { A: 'x'.repeat(60_000), B: '$A$A' };
    expect(targetOfJob(assigned({ name: 'x$B' }, { job }))?.name).toBe('x$B');
  });
  it('lets nobody claim another ref or commit', () =>
    expect(
      targetOfJob(assigned({ name: '$CI_COMMIT_REF_NAME' }, { request: { CI_COMMIT_REF_NAME: 'main' } }))?.name,
    ).toBe('Feature/Login'));

  it.each(['javascript:alert(1)', 'file:///etc/passwd', 'not an address', '$UNKNOWN'])(
    'leaves out the address %s',
    (url) => expect(targetOfJob(assigned({ name: 'production', url }))).toEqual({ name: 'production' }),
  );

  it('keeps a name of unknown variables as it was written', () =>
    expect(targetOfJob(assigned({ name: '$UNKNOWN' }))?.name).toBe('$UNKNOWN'));
});
