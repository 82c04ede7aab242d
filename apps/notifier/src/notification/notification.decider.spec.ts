import { describe, it } from '@jest/globals';
import {
  NotificationAbandoned,
  NotificationAttempted,
  NotificationDelivered,
  NotificationRequested,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { notificationDecider, type Notification, type TryResult } from './notification.decider.ts';

const given = givenWhenThen(notificationDecider);

const names = { notificationId: 'n1', subscriptionId: 's1' };
const notification: Notification = {
  ...names,
  projectId: 'pr1',
  pipelineId: 'p1',
  channel: { kind: 'webhook', sealedUrl: 'v1.sealed', host: 'ci.example.com' },
  payload: { type: 'pipeline.finished' },
};
const requested = NotificationRequested(notification);
const attempted = (attempt: number, result: Omit<TryResult, 'durationMs'>) =>
  NotificationAttempted({ ...names, attempt, durationMs: 3, ...result });
const record = (attempt: number, result: Omit<TryResult, 'durationMs'>) => ({
  type: 'RecordTry' as const,
  attempt,
  result: { durationMs: 3, ...result },
});
const delivered = (attempt: number) => NotificationDelivered({ ...names, attempt });
const abandoned = (because: string) => NotificationAbandoned({ ...names, because });
const failedTries = (count: number) =>
  Array.from({ length: count }, (_, n) => attempted(n + 1, { error: 'no answer in time' }));

describe('a notification', () => {
  it('is requested once', () => {
    given().when({ type: 'RequestNotification', notification }).then(requested);
    given(requested).when({ type: 'RequestNotification', notification }).thenNothing();
  });

  it.each([200, 204, 299])('is delivered when the receiver answers %i', (status) =>
    given(requested).when(record(1, { status })).then(attempted(1, { status }), delivered(1)),
  );

  it.each([301, 408, 425, 429, 500, 503])('stays pending when the receiver answers %i', (status) =>
    given(requested).when(record(1, { status })).then(attempted(1, { status })),
  );

  it('stays pending when there was no answer', () =>
    given(requested)
      .when(record(1, { error: 'ECONNREFUSED' }))
      .then(attempted(1, { error: 'ECONNREFUSED' })));

  it.each([400, 404, 410])('is abandoned at once when the receiver answers %i', (status) =>
    given(requested)
      .when(record(1, { status }))
      .then(attempted(1, { status }), abandoned(`the receiver refused it with status ${status}`)),
  );

  it('is delivered by a later try', () =>
    given(requested, ...failedTries(2))
      .when(record(3, { status: 200 }))
      .then(attempted(3, { status: 200 }), delivered(3)));

  it('is abandoned when six tries failed', () =>
    given(requested, ...failedTries(5))
      .when(record(6, { status: 502 }))
      .then(attempted(6, { status: 502 }), abandoned('6 tries failed, the last with status 502')));

  it('is abandoned for a reason of ours', () =>
    given(requested).when({ type: 'AbandonNotification', because: 'no' }).then(abandoned('no')));

  it('records each try once', () =>
    given(requested, ...failedTries(1))
      .when(record(1, { status: 200 }))
      .thenNothing());

  it('records no try after its end', () => {
    given(requested, attempted(1, { status: 200 }), delivered(1))
      .when(record(2, { status: 200 }))
      .thenNothing();
    given(requested, abandoned('no'))
      .when(record(1, { status: 200 }))
      .thenNothing();
    given(requested, abandoned('no')).when({ type: 'AbandonNotification', because: 'again' }).thenNothing();
    given()
      .when(record(1, { status: 200 }))
      .thenNothing();
  });
});
