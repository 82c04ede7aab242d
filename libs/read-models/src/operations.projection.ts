import {
  COLLECTION,
  RunnerDraining,
  RunnerLost,
  RunnerRegistered,
  WebhookReceived,
  type DeliveryDoc,
  type RunnerDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

/** Those that may have jobs. */
const CONNECTED = new Set<RunnerDoc['status']>(['online', 'draining']);
const runnerIndexes = ({ id, status }: RunnerDoc) => ({ byId: id, ...(CONNECTED.has(status) && { connected: id }) });

export const runnersProjection = defineProjection<RunnerDoc>(COLLECTION.runners, runnerIndexes, [
  when(
    RunnerRegistered,
    ({ runnerId }) => runnerId,
    (_doc, { data, recordedAt }) => ({
      id: data.runnerId,
      epoch: data.epoch,
      offer: data.offer,
      status: 'online',
      since: recordedAt,
    }),
  ),
  // News of an earlier process of the same runner says nothing about the one that runs now.
  when(
    RunnerDraining,
    ({ runnerId }) => runnerId,
    (doc, { data, recordedAt }) =>
      doc && doc.epoch === data.epoch ? { ...doc, status: 'draining', since: recordedAt } : doc,
  ),
  when(
    RunnerLost,
    ({ runnerId }) => runnerId,
    (doc, { data, recordedAt }) => {
      if (doc?.epoch !== data.epoch) return doc;
      return data.inOrder
        ? { ...doc, status: 'stopped', since: recordedAt }
        : { ...doc, status: 'lost', since: recordedAt };
    },
  ),
]);

export const deliveriesProjection = defineProjection<DeliveryDoc>(
  COLLECTION.deliveries,
  (doc) => ({ byTime: `${doc.receivedAt}/${doc.id}` }),
  [
    when(
      WebhookReceived,
      ({ deliveryId }) => deliveryId,
      (doc, { data, recordedAt }) =>
        doc ?? {
          id: data.deliveryId,
          forge: data.forge,
          event: data.event,
          outcome: data.outcome,
          because: data.because,
          pipelineIds: data.pipelineIds,
          ...(data.builds ? { builds: data.builds } : {}),
          receivedAt: recordedAt,
        },
    ),
  ],
);
