import { verifyReplay as verify } from '@foldline/host';
import { READ_MODELS, READ_MODELS_NAME } from '@foldline/read-models';

/** Compares the live read models with a rebuild and says what it found; true when they are equal. */
export const verifyReplay = async (dataDirectory: string, say: (line: string) => void): Promise<boolean> => {
  const report = await verify(dataDirectory, READ_MODELS, READ_MODELS_NAME);
  const { events, streams, position, documents, entries, differences } = report;
  say(`  ${events} events in ${streams} streams: every hash chain holds`);
  const rebuilt = `${documents} documents and ${entries} index entries rebuilt up to position ${position}`;
  if (differences.length === 0) {
    say(`  ${rebuilt}: equal to the live ones`);
    return true;
  }
  say(`  ${rebuilt}: these differ from the live ones`);
  for (const name of differences) say(`    ${name}`);
  return false;
};
