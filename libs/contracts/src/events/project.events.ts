import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { alertRuleName } from './alert.events.ts';
import { processMode } from './group.events.ts';
import { count, text, variableTraits } from './shared.schemas.ts';

export const ProjectRegistered = defineEvent(
  'ProjectRegistered',
  1,
  z.object({ projectId: text, owner: text, name: text, url: text, defaultBranch: text }),
);

/** What the build API calls the project by. */
export const ProjectNumbered = defineEvent('ProjectNumbered', 1, z.object({ projectId: text, number: count }));

/** The value is sealed; an existing variable of the key and scope is replaced. */
export const VariableSet = defineEvent(
  'VariableSet',
  1,
  z.object({
    projectId: text,
    key: text,
    sealed: text,
    protected: z.boolean(),
    masked: z.boolean(),
    ...variableTraits,
    /** It stays masked for as long as it is there. */
    hidden: z.literal(true).optional(),
    description: text.optional(),
  }),
);

/** Without a scope it is the one of every job. */
export const VariableRemoved = defineEvent(
  'VariableRemoved',
  1,
  z.object({ projectId: text, key: text, scope: text.optional() }),
);

/** A value in the project's vault, named by `secrets: {NAME: {vault: path}}` in a definition (S0-29). */
export const SecretStored = defineEvent('SecretStored', 1, z.object({ projectId: text, path: text, sealed: text }));

/** Other projects, each as `owner/name`, that may start pipelines of this one and include its files; nobody else may. */
export const CallersSet = defineEvent('CallersSet', 1, z.object({ projectId: text, callers: z.array(text) }));

/** In which order jobs of the resource group run; the scheduler holds to it from now on. */
export const ResourceGroupConfigured = defineEvent(
  'ResourceGroupConfigured',
  1,
  z.object({ projectId: text, group: text, processMode }),
);

/** How a pipeline may end that somebody is told about. */
export const RESULT_MOMENTS = ['success', 'failed', 'cancelled'] as const;
export const NOTIFICATION_MOMENTS = [...RESULT_MOMENTS, 'alert'] as const;
export const channel = z.object({ kind: z.enum(['slack', 'webhook']), sealedUrl: text, host: text });

/** The notifier turns this into a subscription. */
export const SubscriptionRequested = defineEvent(
  'SubscriptionRequested',
  1,
  z.object({
    subscriptionId: text,
    projectId: text,
    channel,
    /** The results of pipelines to tell about, and whether to tell about alerts. */
    on: z.array(z.enum(NOTIFICATION_MOMENTS)).min(1),
  }),
);

/** Rules about which the project is told otherwise than by default, all of them; these hold from now on. */
export const AlertRulesSet = defineEvent(
  'AlertRulesSet',
  1,
  z.object({
    projectId: text,
    rules: z.array(
      z.object({
        rule: alertRuleName,
        enabled: z.boolean().optional(),
        threshold: z.number().optional(),
        sample: count.optional(),
        minimum: count.optional(),
      }),
    ),
  }),
);

export const SubscriptionRemovalRequested = defineEvent(
  'SubscriptionRemovalRequested',
  1,
  z.object({ subscriptionId: text, projectId: text }),
);

/** An operator gave up the parked events of one key; they are never handled by that consumer. */
export const ParkedEventsDiscarded = defineEvent(
  'ParkedEventsDiscarded',
  1,
  z.object({ group: text, key: text, discarded: z.number().int(), reason: text }),
);
