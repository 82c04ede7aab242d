import type { ProjectRef } from '@foldline/contracts';
import {
  isAllowedHost,
  Refusal,
  sha256Of,
  Slots,
  TransientError,
  type AllowedHost,
  type Clock,
  type OutboundHttp,
} from '@foldline/kernel';
import { notLookedUp, unread, type Found, type Location, type NotFound, type ReadBytes } from './elsewhere.ts';
import { limits } from './limits.ts';
import { shorten } from './node.ts';
import type { ReadArtifact } from './read-artifact.ts';
import { keptReader, type KeptTools } from './read-kept.ts';
import { projectReader, type ProjectTools } from './read-project-files.ts';
import type { Look } from './sources.ts';

export type ElsewhereTools = ProjectTools & {
  http: OutboundHttp;
  /** Where an address may lead. */
  includeHosts: readonly AllowedHost[];
  clock: Clock;
  patience: Patience;
  /** What is known of other pipelines; who cannot tell takes nothing from them. */
  documents?: KeptTools['documents'];
  /** What the jobs have made that a child pipeline is made of. */
  readArtifact?: ReadArtifact;
};
/** Pauses before what may pass is tried again, and how long the addresses of one definition may take in all. */
export type Patience = { pausesMs: readonly number[]; totalMs: number };

/** Where somebody waits for the answer, and where nobody does. */
export const IMPATIENT: Patience = { pausesMs: [], totalMs: 15_000 };
export const PATIENT: Patience = { pausesMs: [1_000, 4_000], totalMs: 60_000 };

const ONE_MS = 10_000;
const AT_ONCE = 8;
const TOO_MUCH = `is too much: what is included from elsewhere has at most ${limits.elsewhereBytes} bytes in all`;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

type Remote = Extract<Location, { kind: 'remote' }>;

/** Reads what one definition of a project includes from elsewhere: throughout it, the same ref is the same commit. */
export const readElsewhere = (tools: ElsewhereTools, project: ProjectRef): Look['elsewhere'] => {
  const slots = new Slots(AT_ONCE);
  const until = tools.clock.monotonic() + tools.patience.totalMs;
  const readFile = projectReader(tools, project);
  let bytesLeft: number = limits.elsewhereBytes;
  const readKept =
    tools.documents && keptReader({ documents: tools.documents, findProject: tools.findProject }, project);
  const readAt = async (location: Location): Promise<ReadBytes | NotFound> => {
    if (location.kind === 'kept') return readKept?.(location) ?? notLookedUp(location);
    if (location.kind === 'remote') return readRemote(location, until, tools);
    if (location.kind !== 'artifact') return readFile(location);
    return tools.readArtifact?.(location) ?? notLookedUp(location);
  };
  return (location) =>
    slots.use(async () => {
      const read = await readAt(location);
      if ('problem' in read) return read;
      bytesLeft -= read.bytes.length;
      return bytesLeft < 0 ? unread(location, 'include-too-large', TOO_MUCH) : asText(location, read);
    });
};

/** The hash is that of the bytes, as whoever wrote `integrity` has made it. */
const asText = (location: Location, { bytes, ...of }: ReadBytes): Found => {
  try {
    return { text: UTF8.decode(bytes), sha256: sha256Of(bytes), ...of };
  } catch {
    return unread(location, 'binary-content', 'is no text in UTF-8');
  }
};

const readRemote = async (
  location: Remote,
  until: number,
  { http, includeHosts, clock, patience }: ElsewhereTools,
): Promise<ReadBytes | NotFound> => {
  const url = new URL(location.url);
  if (!isAllowedHost(includeHosts, url)) return notAllowed(location, url);
  const pauses = patience.pausesMs.values();
  for (;;) {
    const left = until - clock.monotonic();
    if (left <= 0)
      return unread(location, 'include-unreachable', 'was not read: the others took all the time there is');
    try {
      return await answered(
        location,
        await http.get(location.url, { mostBytes: limits.fileBytes, deadlineMs: Math.min(ONE_MS, left) }),
      );
    } catch (error) {
      if (error instanceof Refusal) return refused(location, error);
      if (!(error instanceof TransientError)) throw error;
      const pause = pauses.next();
      if (pause.done) return unread(location, 'include-unreachable', `could not be read: ${error.message}`);
      await clock.sleep(pause.value);
    }
  }
};

type Answer = Awaited<ReturnType<OutboundHttp['get']>>;

/** @throws TransientError where the server says that it may have the file later. */
const answered = (location: Remote, { status, body }: Answer): ReadBytes | NotFound => {
  if (status === 200) return { bytes: body };
  if (status >= 500 || status === 429 || status === 408) throw new TransientError(`its server answered ${status}`);
  if (status === 404 || status === 410)
    return unread(location, 'include-missing-file', `is not there: its server answered ${status}`, CHECK_ADDRESS);
  if (status >= 300 && status < 400)
    return unread(location, 'include-unreachable', `leads to another address (${status})`, NO_REDIRECT);
  return unread(location, 'include-unreachable', `could not be read: its server answered ${status}`, NO_CREDENTIALS);
};

const CHECK_ADDRESS = 'Check the address: it is read as it stands, without a user name or a password.';
const NO_REDIRECT = 'Write the address that the file really has: redirects are not followed.';
const NO_CREDENTIALS = 'Name an address that everybody may read: no credentials are sent.';

const notAllowed = (location: Remote, { protocol, host }: URL): NotFound => {
  const named = `${protocol === 'http:' ? 'http://' : ''}${host}`;
  const hint = `Ask the operator to add \`${shorten(named)}\` to \`FOLDLINE_INCLUDE_HOSTS\`, or copy the file into the repository.`;
  return unread(location, 'include-not-allowed', 'is on a host from which this server includes nothing', hint);
};

const refused = (location: Remote, { code, message }: Refusal): NotFound => {
  if (code === 'answer_too_large') return unread(location, 'include-too-large', `is too large: ${message}`);
  if (code === 'private_target') return unread(location, 'include-not-allowed', `is not read: ${message}`, PUBLIC);
  return unread(location, 'include-unreachable', `is not read: ${message}`);
};

const PUBLIC = 'Name a host on the open Internet, or ask the operator about `FOLDLINE_ALLOW_PRIVATE_TARGETS`.';
