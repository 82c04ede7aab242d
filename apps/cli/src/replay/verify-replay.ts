import { verifyReplay as verify } from '@foldline/host';
import { READ_MODELS } from '@foldline/read-models';

/** Compares the live read models with a rebuild and says what it found; true when they are equal. */
export const verifyReplay = async (dataDirectory: string, say: (line: string) => void): Promise<boolean> => {
  const { events, streams, position, documents, differences } = await verify(dataDirectory, READ_MODELS);
  say(`  ${events} events in ${streams} streams: every hash chain holds`);
  if (differences.length === 0) {
    say(`  ${documents} documents rebuilt up to position ${position}: equal to the live ones`);
    return true;
  }
  say(`  ${documents} documents rebuilt up to position ${position}: these differ from the live ones`);
  for (const name of differences) say(`    ${name}`);
  return false;
};
