import {
  byProjectKey,
  COLLECTION,
  NotificationAbandoned,
  NotificationAttempted,
  NotificationDelivered,
  NotificationRequested,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  type NotificationDoc,
  type SubscriptionDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';
import { given, latest } from './job-changes.ts';

const subscriptionId = (data: { subscriptionId: string }): string => data.subscriptionId;
const notificationId = (data: { notificationId: string }): string => data.notificationId;

/**
 * Subscriptions as people wished for them, from the moment on at which they were answered: whether a result is told does
 * not depend on how soon the notifier comes to the wish.
 */
export const subscriptionsProjection = defineProjection<SubscriptionDoc>(
  COLLECTION.subscriptions,
  (doc) => ({ byProject: byProjectKey(doc.projectId, doc.id) }),
  [
    when(
      SubscriptionRequested,
      subscriptionId,
      (doc, { data, recordedAt, position }) =>
        doc ?? {
          id: data.subscriptionId,
          projectId: data.projectId,
          kind: data.channel.kind,
          host: data.channel.host,
          on: data.on,
          createdAt: recordedAt,
          position,
        },
    ),
    when(SubscriptionRemovalRequested, subscriptionId, (_doc: SubscriptionDoc | undefined) => undefined),
  ],
);

export const notificationsProjection = defineProjection<NotificationDoc>(
  COLLECTION.notifications,
  (doc) => ({
    byProject: `${doc.projectId}/${doc.requestedAt}/${doc.id}`,
    ...(doc.pipelineId === undefined ? {} : { byPipeline: `${doc.pipelineId}/${doc.id}` }),
    byStatus: `${doc.status}/${doc.id}`,
  }),
  [
    when(
      NotificationRequested,
      notificationId,
      (doc, { data, recordedAt }) =>
        doc ?? {
          id: data.notificationId,
          subscriptionId: data.subscriptionId,
          projectId: data.projectId,
          ...given({ pipelineId: data.pipelineId }),
          status: 'pending',
          requestedAt: recordedAt,
          attempts: [],
        },
    ),
    when(NotificationAttempted, notificationId, (doc, { data, recordedAt }) => {
      const { attempt, status, error, durationMs } = data;
      return (
        doc && {
          ...doc,
          attempts: latest(doc.attempts, { attempt, at: recordedAt, durationMs, ...given({ status, error }) }),
        }
      );
    }),
    when(NotificationDelivered, notificationId, (doc) => doc && { ...doc, status: 'delivered' }),
    when(
      NotificationAbandoned,
      notificationId,
      (doc, { data }) => doc && { ...doc, status: 'abandoned', because: data.because },
    ),
  ],
);
