import {
  COLLECTION,
  ServiceChanged,
  ServiceDeploymentSucceeded,
  ServiceRegistered,
  ServiceRemoved,
  byNumberKey,
  serviceIndexKey,
  type ServiceDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';

const serviceId = (data: { serviceId: string }): string => data.serviceId;

export const servicesProjection = defineProjection<ServiceDoc>(
  COLLECTION.services,
  (doc) => ({
    byNumber: byNumberKey(doc.number),
    byProject: serviceIndexKey(doc.projectNumber, doc.number),
    ...(doc.current ? { running: doc.id } : {}),
  }),
  [
    when(ServiceRegistered, serviceId, (_doc, { data, recordedAt, position }) => ({
      ...data.config,
      id: data.serviceId,
      number: data.number,
      projectId: data.projectId,
      projectNumber: data.projectNumber,
      createdAt: recordedAt,
      position,
    })),
    when(ServiceChanged, serviceId, (doc, { data }) => doc && { ...doc, ...data.config }),
    when(
      ServiceDeploymentSucceeded,
      serviceId,
      (doc, { data: { deploymentId, number } }) => doc && { ...doc, current: { deploymentId, number } },
    ),
    when(ServiceRemoved, serviceId, (): ServiceDoc | undefined => undefined),
  ],
);
