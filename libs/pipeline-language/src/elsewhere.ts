import { shorten } from './node.ts';
import type { CompilerProblemCode } from './problem-codes.ts';

/** Where a file is that is not one of the commit. */
export type FileLocation =
  | { kind: 'remote'; url: string }
  /** `project` is `owner/name`; without a ref, what its default branch has. */
  | { kind: 'project'; project: string; ref?: string; path: string }
  /** `version` is a commit, a tag, a branch, or says which of the tags. */
  | { kind: 'component'; project: string; component: string; version: string }
  /** Of a job of the pipeline that starts this one. */
  | { kind: 'artifact'; path: string; job: string };
/** `tree`: which files a commit of a project has, as a JSON list of their paths. */
export type Location = FileLocation | { kind: 'tree'; project: string; ref: string } | KeptLocation;
/** Which attempts of a job of another pipeline have kept something that counts, as a JSON list; `null` where a parent has no such job. */
export type KeptLocation = { kind: 'kept'; job: string } & ({ pipeline: string } | { project: string; ref: string });
/** The newest pipelines of another project among which its job is looked for. */
export const NEWEST_PIPELINES = 100;

/** What is there. `sha256` is in hexadecimal digits; `at` is the commit of a file that is of one, `release` the tag of it where that is a version. */
export type FoundText = { text: string; sha256: string; at?: string; release?: string };
/** Why nothing is; a warning where nobody could look. */
export type NotFound = { problem: CompilerProblemCode; message: string; hint?: string; severity?: 'warning' };
export type Found = FoundText | NotFound;
/** What was read, before anybody looked at it. */
export type ReadBytes = Omit<FoundText, 'text' | 'sha256'> & { bytes: Uint8Array };

/** Two locations have the same key when they are one. */
export const keyOf = (location: Location): string =>
  JSON.stringify(
    Object.entries(location)
      .filter(([, value]) => value !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );

/** As messages call it. What is asked of an address may be nobody else's business. */
export const nameOfLocation = (location: Location): string => {
  if (location.kind === 'remote') return location.url.replace(/[?#].*$/s, '');
  if (location.kind === 'artifact') return `${location.job}:${location.path}`;
  if (location.kind === 'component') return `${location.project}/${location.component}@${location.version}`;
  if (location.kind === 'kept')
    return `${'pipeline' in location ? location.pipeline : `${location.project}@${location.ref}`}:${location.job}`;
  if (location.kind === 'tree') return `${location.project}@${location.ref}`;
  const { project, ref, path } = location;
  return `${project}${ref === undefined ? '' : `@${ref}`}:${path}`;
};

/** `what` follows the name in the message. */
export const unread = (location: Location, problem: CompilerProblemCode, what: string, hint?: string): NotFound => ({
  problem,
  message: `\`${shorten(nameOfLocation(location))}\` ${what}.`,
  ...(hint !== undefined && { hint }),
});

/** What is said of it where only `readable` can be read. */
export const notLookedUp = (
  location: Location,
  { readable = 'files of the repository', hint }: { readable?: string; hint?: string } = {},
): NotFound => ({
  ...unread(location, 'include-not-looked-up', `is left out: here nothing is read but ${readable}`, hint),
  severity: 'warning',
});
