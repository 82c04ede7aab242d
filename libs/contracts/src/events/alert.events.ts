import { z } from 'zod';
import { ALERT_RULES } from '../alert-rules.ts';
import { defineEvent } from '../event.ts';
import { count, text } from './shared.schemas.ts';

export const alertRuleName = z.enum(ALERT_RULES);

const alert = {
  alertId: text,
  projectId: text,
  /** `owner/name`. */
  project: text,
  rule: alertRuleName,
  value: z.number(),
  threshold: z.number(),
  /** How many it was measured on. */
  count,
  /** When it came to be so, RFC 3339: this is told later. */
  at: text,
  /** Of what events tell, which of the project's transitions it is. */
  number: count.optional(),
};

/** A rule of the project holds since then. */
export const AlertFired = defineEvent('AlertFired', 1, z.object(alert));

/** It holds no longer. */
export const AlertResolved = defineEvent('AlertResolved', 1, z.object(alert));
