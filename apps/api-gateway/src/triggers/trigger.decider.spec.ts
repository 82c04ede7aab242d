import { describe, it } from '@jest/globals';
import {
  DownstreamRefused,
  IdempotencyKeyUsed,
  JobPlayRequested,
  JobRetryRequested,
  PipelineCancelRequested,
  PipelineRequested,
  WebhookReceived,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { idempotencyDecider } from './idempotency.decider.ts';
import { triggerDecider } from './trigger.decider.ts';
import { webhookDecider } from './webhook.decider.ts';

const request = {
  pipelineId: 'p1',
  project: { id: 'pr1', owner: 'ada', name: 'engine', url: '/repos/engine', defaultBranch: 'main' },
  ref: { name: 'main', kind: 'branch' as const, protected: true },
  sha: 'a'.repeat(40),
  source: 'api' as const,
  variables: { MODE: 'fast' },
  projectVariables: [],
  secrets: [],
};
const requested = PipelineRequested(request);
const cancelled = PipelineCancelRequested({ pipelineId: 'p1' });
const job = { pipelineId: 'p1', jobId: 'p1.0' };
const cancel = { type: 'CancelPipeline', pipelineId: 'p1' } as const;

describe('the wishes for a pipeline', () => {
  const given = givenWhenThen(triggerDecider);

  it('begin with the request', () =>
    given()
      .when({ type: 'RequestPipeline', ...request })
      .then(requested));
  it('hold one request, however often it is made', () =>
    given(requested)
      .when({ type: 'RequestPipeline', ...request, sha: 'b'.repeat(40) })
      .thenNothing());
  it('are no more than a refusal where there cannot be such a pipeline', () => {
    const about = {
      pipelineId: 'p0',
      jobId: 'p0.1',
      attempt: 1,
      downstreamId: 'p1',
      code: 'not_found',
      detail: 'none',
    };
    const refused = DownstreamRefused(about);
    given()
      .when({ type: 'RefuseDownstream', ...about })
      .then(refused);
    given(refused)
      .when({ type: 'RefuseDownstream', ...about })
      .thenNothing();
    given(refused)
      .when({ type: 'RequestPipeline', ...request })
      .thenNothing();
    given(requested)
      .when({ type: 'RefuseDownstream', ...about })
      .thenNothing();
    given(refused).when(cancel).thenRefused('not_found');
  });
  it('may be its end, once', () => {
    given(requested).when(cancel).then(cancelled);
    given(requested, cancelled).when(cancel).thenNothing();
  });
  it('may be its end again after a person took it up', () =>
    given(requested, cancelled, JobRetryRequested(job)).when(cancel).then(cancelled));
  it('may be that a job runs again, or at last', () => {
    given(requested)
      .when({ type: 'RetryJob', ...job })
      .then(JobRetryRequested(job));
    given(requested)
      .when({ type: 'PlayJob', ...job })
      .then(JobPlayRequested(job));
  });
  it('are judged again when another one came first', () => {
    given(requested, JobRetryRequested(job))
      .when({ type: 'RetryJob', ...job, after: 0 })
      .thenRefused('overtaken');
    given(requested, JobRetryRequested(job))
      .when({ ...cancel, after: 1 })
      .then(cancelled);
  });
  it('are refused for a pipeline that nobody requested', () => {
    given().when(cancel).thenRefused('not_found');
    given()
      .when({ type: 'RetryJob', ...job })
      .thenRefused('not_found');
  });
});

describe('a delivery', () => {
  const delivery = {
    deliveryId: 'x-1',
    forge: 'github' as const,
    event: 'push',
    outcome: 'ignored' as const,
    because: 'no project',
    pipelineIds: [],
    bytes: 3,
  };
  const given = givenWhenThen(webhookDecider);
  it('is recorded', () =>
    given()
      .when({ type: 'RecordDelivery', ...delivery })
      .then(WebhookReceived(delivery)));
  it('is recorded once', () =>
    given(WebhookReceived(delivery))
      .when({ type: 'RecordDelivery', ...delivery })
      .thenNothing());
  it('is another one when its body or its event is', () => {
    const known = given(WebhookReceived({ ...delivery, bodySha256: 'a' }));
    known.when({ type: 'RecordDelivery', ...delivery, bodySha256: 'b' }).thenRefused('delivery_reused');
    given(WebhookReceived(delivery))
      .when({ type: 'RecordDelivery', ...delivery, event: 'ping' })
      .thenRefused('delivery_reused');
  });
  it('of an older record is the same when it is as long', () =>
    given(WebhookReceived(delivery))
      .when({ type: 'RecordDelivery', ...delivery, bodySha256: 'b' })
      .thenNothing());
});

describe('an idempotency key', () => {
  const use = { requestId: 'k', operation: 'POST pipelines', bodyDigest: 'c'.repeat(64) };
  const given = givenWhenThen(idempotencyDecider);
  it('names the first request that it comes with', () =>
    given()
      .when({ type: 'UseIdempotencyKey', ...use })
      .then(IdempotencyKeyUsed(use)));
  it('may come again with the same body', () =>
    given(IdempotencyKeyUsed(use))
      .when({ type: 'UseIdempotencyKey', ...use })
      .thenNothing());
  it('may not come with another body', () =>
    given(IdempotencyKeyUsed(use))
      .when({ type: 'UseIdempotencyKey', ...use, bodyDigest: 'd'.repeat(64) })
      .thenRefused('idempotency_key_reused'));
});
