import type { SecretBox } from './ports/environment.ports.ts';

/**
 * The key of one webhook receiver: its own, so that no receiver can sign for another. It follows from the key of the
 * instance, which the gateway that tells it and the notifier that signs by it share.
 */
export const signingKeyOf = (box: Pick<SecretBox, 'keyFor'>, subscriptionId: string): Buffer =>
  box.keyFor(`foldline:webhook:${subscriptionId}`);

/** The key as the receiver's tools want it (Standard Webhooks). */
export const signingSecretOf = (box: Pick<SecretBox, 'keyFor'>, subscriptionId: string): string =>
  `whsec_${signingKeyOf(box, subscriptionId).toString('base64')}`;
