/** What a failed SQLite call means to its caller. */
export type SqliteFailure = 'busy' | 'corrupt' | 'storage' | 'constraint' | 'other';

// Primary result codes, https://www.sqlite.org/rescode.html
const FAILURES: ReadonlyMap<number, SqliteFailure> = new Map([
  [5, 'busy'],
  [6, 'busy'],
  [10, 'storage'],
  [11, 'corrupt'],
  [13, 'storage'],
  [14, 'storage'],
  [19, 'constraint'],
  [26, 'corrupt'],
]);

/** `other` also for errors that do not come from SQLite. */
export const sqliteFailure = (error: unknown): SqliteFailure => {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  // The low byte is the primary code; the rest tells variants of it apart.
  return typeof code === 'number' ? (FAILURES.get(code & 0xff) ?? 'other') : 'other';
};

/** The failure's own words, without a stack. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
