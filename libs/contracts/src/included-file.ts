/** Where a file was and which it was: the SHA-256 of its text, and the commit of one that is of a project. */
export type IncludedFile = (
  | { kind: 'remote'; url: string }
  | { kind: 'project'; project: string; ref?: string; path: string }
  | { kind: 'component'; project: string; component: string; version: string }
  | { kind: 'artifact'; path: string; job: string }
) & { sha256: string; commit?: string };
