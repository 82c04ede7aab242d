import { readSettings } from '@foldline/host';
import { Refusal } from '@foldline/kernel';
import { startStandalone, type Standalone } from './standalone.ts';

const DRAIN_MS = 30_000;
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const stopOnSignals = (server: Standalone): void => {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
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

try {
  const settings = readSettings(process.env);
  const server = await startStandalone(settings);
  stopOnSignals(server);
  say(`Foldline ${settings.version} listens on ${server.url}  (data in ${settings.dataDirectory})`);
  if (settings.newAdminToken)
    say(`Admin token, shown once and kept in ${settings.dataDirectory}/admin-token:\n  ${settings.adminToken}`);
} catch (error) {
  process.stderr.write(
    `${error instanceof Refusal ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(error instanceof Refusal ? 2 : 1);
}
