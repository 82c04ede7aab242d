import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  ImageBuildStarted,
  ImagePushed,
  openIndexPrefix,
  PipelineFinished,
  PipelineRejected,
  PipelineReopened,
  PipelineRequested,
  ServiceDeploymentAdvanced,
  ServiceDeploymentCancelling,
  ServiceDeploymentFailed,
  ServiceDeploymentRequested,
  ServiceDeploymentStarted,
  type BuildDoc,
  type ImageBuild,
  type NewEvent,
  type ServiceDeploymentDoc,
  type WantedDeployment,
} from '@foldline/contracts';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const project = { id: 'pr1', owner: 'ada', name: 'engine', url: 'u', defaultBranch: 'main' };
const service = { id: 's1', number: 2, name: 'shop' };

describe('a build document', () => {
  const build = { number: 7, service, projectNumber: 3, image: 'shop:1', registries: [] } as unknown as ImageBuild;
  const data = {
    pipelineId: 'p1',
    project,
    ref: { name: 'main', kind: 'branch' },
    source: 'api',
    variables: {},
    build,
  };
  const requested = PipelineRequested(data as unknown as ReturnType<typeof PipelineRequested>['data']);
  const context = {} as ReturnType<typeof PipelineFinished>['data']['context'];
  const finished = (status: 'success' | 'cancelled') => PipelineFinished({ pipelineId: 'p1', status, context });
  const reopened = PipelineReopened({ pipelineId: 'p1' } as ReturnType<typeof PipelineReopened>['data']);
  const after = (...events: NewEvent[]): BuildDoc => documentAfter<BuildDoc>(COLLECTION.builds, 'p1', ...events)!;
  const foundAs = (...events: NewEvent[]) => {
    const { open, ended } = indexesOf(COLLECTION.builds, after(requested, ...events));
    return { open, ended };
  };
  const open = { open: '000000000003/000000000002/000000000007/', ended: undefined };

  it('is found among those that go on until its pipeline has ended, and again when that goes on', () => {
    expect(foundAs()).toEqual(open);
    expect(open.open.startsWith(openIndexPrefix(3))).toBe(true);
    expect(open.open.startsWith(openIndexPrefix(3, 2))).toBe(true);
    expect(foundAs(finished('success'))).toEqual({ open: undefined, ended: 'success/000000000007/' });
    expect(foundAs(finished('cancelled'), reopened)).toEqual(open);
  });

  it('has failed when its pipeline was cancelled or rejected', () => {
    const failed = { open: undefined, ended: 'failed/000000000007/' };
    expect(foundAs(finished('cancelled'))).toEqual(failed);
    expect(foundAs(PipelineRejected({ pipelineId: 'p1', problems: [] }))).toEqual(failed);
  });

  it('was begun when its newest attempt had its turn', () => {
    const attempt = (number: number) => ({
      attemptId: `p1.0.${number}`,
      pipelineId: 'p1',
      jobId: 'p1.0',
      attempt: number,
    });
    const started = (number: number) => ImageBuildStarted({ ...attempt(number), build: 7 });
    expect(after(requested).begun).toBeUndefined();
    expect(after(requested, started(1)).begun).toEqual({ attempt: 1, at: timeAt(2) });
    expect(after(requested, started(1), started(2)).begun).toEqual({ attempt: 2, at: timeAt(3) });
  });

  it('is none of a pipeline that builds no image', () => {
    const pushed = { pipelineId: 'p1' } as ReturnType<typeof ImagePushed>['data'];
    expect(documentAfter(COLLECTION.builds, 'p1', ImagePushed(pushed), finished('success'), reopened)).toBeUndefined();
  });
});

describe('a document of a service’s deployment', () => {
  const names = { deploymentId: 'd1', serviceId: 's1' };
  const wanted = { ...names, number: 7, service: { number: 2, name: 'shop' }, project, projectNumber: 3 };
  const begun = [ServiceDeploymentRequested, ServiceDeploymentStarted].map((event) =>
    event(wanted as WantedDeployment),
  );
  const after = (...events: NewEvent[]): ServiceDeploymentDoc =>
    documentAfter<ServiceDeploymentDoc>(COLLECTION.serviceDeployments, 'd1', ...begun, ...events)!;
  const advanced = (phase: 'image' | 'start') => ServiceDeploymentAdvanced({ ...names, phase });

  it('has started when its turn had come', () => {
    expect(after().startedAt).toBeUndefined();
    expect(after(advanced('image'), advanced('start'))).toMatchObject({ startedAt: timeAt(3), phase: 'start' });
  });

  it('goes on while it is being cancelled, and then has failed', () => {
    const cancelling = [advanced('image'), ServiceDeploymentCancelling(names)];
    expect(after(...cancelling)).toMatchObject({ status: 'deploying', isCancelled: true });
    const failed = after(...cancelling, ServiceDeploymentFailed({ ...names, code: 'cancelled', because: 'no' }));
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'cancelled', message: 'no' } });
    const { open, deploying, ended } = indexesOf(COLLECTION.serviceDeployments, failed);
    expect({ open, deploying, ended }).toEqual({
      open: undefined,
      deploying: undefined,
      ended: 'failed/000000000007/',
    });
  });
});
