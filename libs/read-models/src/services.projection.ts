import {
  COLLECTION,
  ServiceChanged,
  ServiceRegistered,
  ServiceRemoved,
  byNumberKey,
  serviceIndexKey,
  type ServiceDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';
import { urlIndexPrefix } from './repository-url.ts';

const serviceId = (data: { serviceId: string }): string => data.serviceId;

/** `services` by `byBranch`: prefix finds those that a push to a branch of a repository builds. */
export const serviceBranchPrefix = (url: string, branch: string): string =>
  `${urlIndexPrefix(url)}${encodeURIComponent(branch)}/`;

export const servicesProjection = defineProjection<ServiceDoc>(
  COLLECTION.services,
  (doc) => ({
    byNumber: byNumberKey(doc.number),
    byProject: serviceIndexKey(doc.projectNumber, doc.number),
    ...(doc.autoBuild ? { byBranch: serviceBranchPrefix(doc.gitUrl, doc.branch) + doc.id } : {}),
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
    when(ServiceRemoved, serviceId, (): ServiceDoc | undefined => undefined),
  ],
);
