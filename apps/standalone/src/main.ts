import { readSettings, type HostSettings } from '@foldline/host';
import { PermanentError, Refusal, TransientError } from '@foldline/kernel';
import { startStandalone, type Standalone } from './standalone.ts';

const DRAIN_MS = 30_000;
/** npm hands on a signal that its process group has got already: within this time it is the same one, not a second. */
const SAME_SIGNAL_MS = 1_000;
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const stopOnSignals = (server: Standalone): void => {
  let stoppingSince: number | undefined;
  const stop = (): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
};

/** Where the token is to be found, on every start; the token itself only where this start has made it. */
const greet = (
  { version, dataDirectory, adminToken, adminTokenFile, newAdminToken }: HostSettings,
  url: string,
): void => {
  const token = adminTokenFile === undefined ? 'as given by FOLDLINE_ADMIN_TOKEN' : `in ${adminTokenFile}`;
  say(`Foldline ${version} listens on ${url}  (data in ${dataDirectory}, admin token ${token})`);
  if (newAdminToken) say(`Admin token, shown only this once:\n  ${adminToken}`);
};

/** What went wrong, for a person; where in the code only for what nobody has foreseen. */
const messageOf = (error: unknown): string => {
  if (error instanceof Refusal || error instanceof PermanentError || error instanceof TransientError)
    return error.message;
  return String(error instanceof Error ? error.stack : error);
};

try {
  const settings = readSettings(process.env);
  const server = await startStandalone(settings);
  stopOnSignals(server);
  greet(settings, server.url);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof Refusal ? 2 : 1);
}
