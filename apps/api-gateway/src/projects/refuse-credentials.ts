import { Refusal } from '@foldline/kernel';

/** A password in the address would lie in the log for ever. */
export const refuseCredentials = (url: string, pointer: string): void => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const ofWeb = parsed !== undefined && ['http:', 'https:'].includes(parsed.protocol);
  if (!parsed || (parsed.password === '' && !(ofWeb && parsed.username !== ''))) return;
  throw new Refusal('invalid_url', 'the URL must not hold credentials', { pointer });
};
