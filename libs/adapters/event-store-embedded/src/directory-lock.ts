import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PermanentError, Refusal } from '@foldline/kernel';
import { openDatabase, reasonOf, rollBack, sqliteFailure, type Database } from '@foldline/sqlite';

/**
 * Takes the only right to write into a data directory, for as long as the returned lock is held. The operating system
 * ends it with the process, however that dies. Throws the refusal `data_directory_in_use` when someone else has it.
 */
export const lockDirectory = (directory: string): { release: () => void } => {
  const owner = join(directory, 'lock.pid');
  const database = openDatabase(join(directory, 'lock.db'), 0);
  try {
    takeLock(database);
  } catch (error) {
    database.close();
    if (sqliteFailure(error) !== 'busy') throw new PermanentError(reasonOf(error), { cause: error });
    const pid = ownerOf(owner);
    throw new Refusal('data_directory_in_use', `${directory} is in use by process ${pid}`, { directory, pid });
  }
  // Only for the message: a number left by a dead process locks nothing.
  writeFileSync(owner, `${process.pid}\n`);
  return {
    release: () => {
      rollBack(database);
      database.close();
    },
  };
};

const takeLock = (database: Database): void => {
  database.exec('PRAGMA journal_mode = DELETE');
  database.exec('BEGIN EXCLUSIVE');
};

const ownerOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown';
  } catch {
    // The owner has just taken the lock and not written its number yet.
    return 'unknown';
  }
};
