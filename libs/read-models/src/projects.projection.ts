import {
  CallersSet,
  COLLECTION,
  ProjectNumbered,
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

type Place = { key: string; scope?: string | undefined };

/** A key may be there for several environments. */
const without = <Variable extends Place>(variables: readonly Variable[], { key, scope }: Place): Variable[] =>
  variables.filter((variable) => variable.key !== key || variable.scope !== scope);

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
      ProjectNumbered,
      ({ projectId }) => projectId,
      (doc, { data: { number } }) => doc && { ...doc, number },
    ),
    when(
      VariableSet,
      ({ projectId }) => projectId,
      (doc, { data: { projectId: _id, ...variable } }) =>
        doc && { ...doc, variables: [...without(doc.variables, variable), variable] },
    ),
    when(
      VariableRemoved,
      ({ projectId }) => projectId,
      (doc, { data }) => doc && { ...doc, variables: without(doc.variables, data) },
    ),
    when(
      CallersSet,
      ({ projectId }) => projectId,
      (doc, { data: { callers } }) => doc && { ...doc, callers },
    ),
    when(
      SecretStored,
      ({ projectId }) => projectId,
      (doc, { data: { path, sealed } }) =>
        doc && { ...doc, secrets: [...doc.secrets.filter((secret) => secret.path !== path), { path, sealed }] },
    ),
  ],
);
