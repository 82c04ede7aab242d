import { resolve } from 'node:path';
import { migrate as moveLog, progressLines, secretsToCarry, type Migration } from '@foldline/distributed';
import { readServerSettings } from '@foldline/host';

type Given = Readonly<Record<string, string | undefined>>;
type Out = { say: (line: string) => void; progress: (line: string) => void };

/** Copies a data directory into the servers that the settings name; true when the copy is the same in all. */
export const migrate = async (from: string, environment: Given, { say, progress }: Out): Promise<boolean> => {
  const servers = readServerSettings(environment);
  const directory = resolve(from);
  const moved = await moveLog(directory, servers, progressLines(progress));
  for (const problem of moved.problems) say(`  differs: ${problem}`);
  if (moved.problems.length > 0) {
    say(`not the same: ${moved.problems.length} differences between ${directory} and the servers`);
    return false;
  }
  say('The gateway needs these of the data directory, and every other service the first:');
  for (const setting of secretsToCarry(directory)) say(`  ${setting}`);
  if (moved.underWay > 0) say(`Under way: ${moved.underWay} pipelines, which go on when the services start.`);
  say(summary(directory, moved));
  return true;
};

const summary = (directory: string, { events, streams, found, objects, payloads, logs }: Migration): string =>
  `migrated ${directory}: ${events} events in ${streams} streams (${found} were there before), ${objects} objects, ` +
  `${payloads} large events, ${logs} logs; the hash of every stream is the same`;
