import { verifyCluster } from '@foldline/distributed';
import { readServerSettings, verifyReplay as verifyDirectory, type ReplayReport } from '@foldline/host';
import { Refusal } from '@foldline/kernel';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';

type Say = (line: string) => void;

/** Compares the live read models of a data directory with a rebuild and says what it found; true when they are equal. */
export const verifyReplay = async (dataDirectory: string, say: Say): Promise<boolean> =>
  tell(
    await verifyDirectory(dataDirectory, READ_MODELS, READ_MODELS_NAME).catch(tellWhereToLook),
    'hash chain holds',
    say,
  );

/** Whoever looks after a cluster has no data directory, and may not know that the command can look elsewhere. */
const tellWhereToLook = (error: unknown): never => {
  if (!(error instanceof Refusal) || error.code !== 'no_event_log') throw error;
  throw new Refusal(
    error.code,
    `${error.message}: FOLDLINE_DATA_DIR names the data directory of a standalone server; ` +
      'for a cluster give FOLDLINE_MODE=distributed and the settings of its servers',
    error.fields,
  );
};

/** The same for the servers of the distributed mode. */
export const verifyReplayOfCluster = async (
  environment: Readonly<Record<string, string | undefined>>,
  say: Say,
): Promise<boolean> =>
  tell(
    await verifyCluster(readServerSettings(environment), READ_MODELS, READ_MODELS_NAME),
    'event has its hash and its place',
    say,
  );

const tell = (report: ReplayReport, every: string, say: Say): boolean => {
  const { events, streams, position, documents, entries, differences } = report;
  say(`  ${events} events in ${streams} streams: every ${every}`);
  const rebuilt = `${documents} documents and ${entries} index entries rebuilt up to position ${position}`;
  if (differences.length === 0) {
    say(`  ${rebuilt}: equal to the live ones`);
    return true;
  }
  say(`  ${rebuilt}: these differ from the live ones`);
  for (const name of differences) say(`    ${name}`);
  return false;
};
