import { exitBecause, readSettings, stopOnSignals, type HostSettings } from '@foldline/host';
import { startStandalone } from './standalone.ts';

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Where the token is to be found, on every start; the token itself only where this start has made it. */
const greet = (
  { version, dataDirectory, adminToken, adminTokenFile, newAdminToken }: HostSettings,
  url: string,
): void => {
  const token = adminTokenFile === undefined ? 'as given by FOLDLINE_ADMIN_TOKEN' : `in ${adminTokenFile}`;
  say(`Foldline ${version} listens on ${url}  (data in ${dataDirectory}, admin token ${token})`);
  if (newAdminToken) say(`Admin token, shown only this once:\n  ${adminToken}`);
};

try {
  const settings = readSettings(process.env);
  const server = await startStandalone(settings);
  stopOnSignals({ ...server, drainMs: settings.drainMs });
  greet(settings, server.url);
} catch (error) {
  exitBecause(error);
}
