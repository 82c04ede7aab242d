import { createHmac } from 'node:crypto';

/** The key of one webhook receiver: its own, so that no receiver can sign for another. */
export const signingKeyOf = (webhookSecret: string, subscriptionId: string): Buffer =>
  createHmac('sha256', webhookSecret).update(`foldline:webhook:${subscriptionId}`).digest();

/** The key as the receiver's tools want it (Standard Webhooks). */
export const signingSecretOf = (webhookSecret: string, subscriptionId: string): string =>
  `whsec_${signingKeyOf(webhookSecret, subscriptionId).toString('base64')}`;
