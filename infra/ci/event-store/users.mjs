import { createHash, timingSafeEqual } from 'node:crypto';
import { accessDenied, unauthenticated } from './refusals.mjs';

const digest = (text) => createHash('sha256').update(text).digest();

/** What is wrong with the credentials of a call: as a real server says it, who names nobody may do nothing. */
const refusalOf = (metadata, users) => {
  const [header] = metadata.get('authorization');
  if (header === undefined) return accessDenied();
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header) ?? [];
  const given = digest(Buffer.from(encoded ?? '', 'base64'));
  return users.some((user) => timingSafeEqual(digest(user), given)) ? undefined : unauthenticated();
};

/** The handlers of a service, for those who are known. `users` are of the form `name:password`. */
export const onlyFor = (users, handlers) =>
  Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (call, answer) => {
        const refusal = refusalOf(call.metadata, users);
        if (!refusal) return handler(call, answer);
        if (answer) answer(refusal);
        else call.emit('error', refusal);
      },
    ]),
  );
