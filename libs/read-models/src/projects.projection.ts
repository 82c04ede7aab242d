import {
  COLLECTION,
  ProjectRegistered,
  SecretStored,
  VariableRemoved,
  VariableSet,
  type ProjectDoc,
} from '@foldline/contracts';
import { defineProjection, when } from '@foldline/kernel';
import { urlIndexKey } from './repository-url.ts';

/** Owners and names are compared without case, as forges do. */
export const nameIndexKey = (owner: string, name: string): string => `${owner}/${name}`.toLowerCase();

export const projectsProjection = defineProjection<ProjectDoc>(
  COLLECTION.projects,
  (doc) => ({ byName: nameIndexKey(doc.owner, doc.name), byUrl: urlIndexKey(doc.url, doc.id) }),
  [
    when(
      ProjectRegistered,
      ({ projectId }) => projectId,
      (_doc, { data, position, recordedAt }) => ({
        id: data.projectId,
        owner: data.owner,
        name: data.name,
        url: data.url,
        defaultBranch: data.defaultBranch,
        registeredAt: recordedAt,
        position,
        variables: [],
        secrets: [],
      }),
    ),
    when(
      VariableSet,
      ({ projectId }) => projectId,
      (doc, { data: { key, sealed, protected: isProtected, masked } }) =>
        doc && {
          ...doc,
          variables: [
            ...doc.variables.filter((variable) => variable.key !== key),
            { key, sealed, protected: isProtected, masked },
          ],
        },
    ),
    when(
      VariableRemoved,
      ({ projectId }) => projectId,
      (doc, { data }) => doc && { ...doc, variables: doc.variables.filter(({ key }) => key !== data.key) },
    ),
    when(
      SecretStored,
      ({ projectId }) => projectId,
      (doc, { data: { path, sealed } }) =>
        doc && { ...doc, secrets: [...doc.secrets.filter((secret) => secret.path !== path), { path, sealed }] },
    ),
  ],
);
