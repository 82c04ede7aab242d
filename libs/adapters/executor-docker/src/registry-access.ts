import type { AuthConfig } from 'dockerode';
import { loginsIn, registryOf, type RegistryLogins } from '@foldline/kernel';

/** Files as `docker login` writes them: that of the job's variables, and that of the runner's own user. */
export type Credentials = { ofJob: string | undefined; ofRunner: string | undefined };

/** With what an image may be fetched; what the job says goes before. Throws a `Refusal` where the job's cannot be read. */
export const accessTo = (image: string, { ofJob, ofRunner }: Credentials): AuthConfig | undefined => {
  const registry = registryOf(image);
  const login = loginsIn(ofJob).get(registry) ?? ownLogins(ofRunner).get(registry);
  return login && { ...login, serveraddress: registry };
};

/** Where Docker keeps logins elsewhere, by a helper of the system, its file has none that could be read. */
const ownLogins = (text: string | undefined): RegistryLogins => {
  try {
    return loginsIn(text);
  } catch {
    return new Map();
  }
};
