import { createHash } from 'node:crypto';
import { parseLayered, parseManifest } from '@foldline/contracts';
import { givenAway, ofType, streamsOf } from './events.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const NUMBERED = /^line (\d+) of (\S+) at .*$/gm;

const numberedLines = (bytes) =>
  [...bytes.toString('utf8').matchAll(NUMBERED)].map(([text, number, attemptId]) => ({
    text,
    number: Number(number),
    attemptId,
  }));

/** Attempts that told their end when they had been given away: their logs were closed before, as far as they had come. */
const endedTooLate = (events) => {
  const away = givenAway(events);
  const late = ofType(events, 'AttemptFinished').filter(({ data, position }) => away.get(data.attemptId) < position);
  return new Set(late.map(({ data }) => data.attemptId));
};

/** I8: each attempt's log is sealed once, and holds the bytes that were sealed and that the runner says it sent. */
export const logsAreSealed = ({ events, logs }) => {
  const seals = streamsOf(events, 'log');
  const late = endedTooLate(events);
  const ends = new Map(ofType(events, 'AttemptFinished').map(({ data }) => [data.attemptId, data]));
  return ofType(events, 'AttemptStarted').flatMap(({ data: { attemptId } }) => {
    const [seal, ...more] = seals.get(attemptId) ?? [];
    const log = logs.get(attemptId);
    if (!seal) return [`the log of ${attemptId} was never sealed`];
    if (more.length > 0) return [`the log of ${attemptId} was sealed ${more.length + 1} times`];
    if (!log?.sealed) return [`the log of ${attemptId} is not there as sealed`];
    const problems = [];
    if (log.bytes.length !== seal.data.bytes)
      problems.push(`the log of ${attemptId} has not the length that was sealed`);
    else if (sha256(log.bytes) !== seal.data.sha256)
      problems.push(`the log of ${attemptId} has not the bytes that were sealed`);
    const sent = ends.get(attemptId)?.log;
    if (sent && !late.has(attemptId) && (sent.sha256 !== seal.data.sha256 || !seal.data.complete))
      problems.push(`the log of ${attemptId} is not what its runner sent`);
    if (seal.data.complete && sent?.sha256 !== seal.data.sha256)
      problems.push(`the log of ${attemptId} counts as whole, which its runner never said of these bytes`);
    return problems;
  });
};

/**
 * I8: the numbered lines in a log are the first ones that the job wrote; all of them when the job came to its own end.
 * One that was stopped may have been so between its two copies of a line.
 */
export const logsHoldWhatJobsWrote = ({ events, logs, side }) => {
  const late = endedTooLate(events);
  return ofType(events, 'AttemptFinished').flatMap(({ data: { attemptId, outcome } }) => {
    const logged = numberedLines(logs.get(attemptId)?.bytes ?? Buffer.alloc(0));
    const written = side.get(attemptId) ?? [];
    const wrong = logged.findIndex(({ text }, n) => text !== written[n]?.text);
    if (wrong >= 0) return [`the log of ${attemptId} says "${logged[wrong].text}" where the job wrote something else`];
    const missing = written.length - logged.length;
    const allowed = outcome === 'lost' || late.has(attemptId) ? written.length : outcome === 'cancelled' ? 1 : 0;
    return missing > allowed
      ? [`the log of ${attemptId} lacks ${missing} of ${written.length} lines (${outcome})`]
      : [];
  });
};

/** I8: what a viewer was shown is in the log at the same place, and one who was told that it ended saw all of it. */
export const viewersSawTheLog = ({ logs, seen }) =>
  seen.flatMap(({ attemptId, offset, bytes, complete }) => {
    const log = logs.get(attemptId)?.bytes ?? Buffer.alloc(0);
    if (!log.subarray(offset, offset + bytes.length).equals(bytes))
      return [`a viewer saw bytes of ${attemptId} at ${offset} that are not in its log`];
    if (complete && offset + bytes.length !== log.length)
      return [`a viewer of ${attemptId} was told that it ended at ${offset + bytes.length} of ${log.length}`];
    return [];
  });

const isLayered = (manifest) => JSON.parse(manifest.toString('utf8')).version === 2;

/** What a tree is made of: layers, or its files one by one. */
const partsOf = (manifest) =>
  isLayered(manifest)
    ? parseLayered(manifest).layers.map(({ digest }, index) => ({ path: `layer ${index + 1}`, digest }))
    : parseManifest(manifest).entries.filter(({ kind }) => kind === 'file');

const problemOfTree = (digest, objects) => {
  const manifest = objects(digest);
  if (!manifest) return 'its manifest is missing';
  if (sha256(manifest) !== digest) return 'its manifest is damaged';
  for (const part of partsOf(manifest)) {
    const bytes = objects(part.digest);
    if (!bytes) return `${part.path} is missing`;
    if (sha256(bytes) !== part.digest) return `${part.path} is damaged`;
  }
  return undefined;
};

/** I9: whatever is shown as available is there, whole and unchanged. */
export const treesAreWhole = ({ trees, objects }) =>
  trees.flatMap(({ id, manifestDigest }) => {
    const problem = problemOfTree(manifestDigest, objects);
    return problem ? [`${id}: ${problem}`] : [];
  });

/** I9: an artifact becomes visible once, and only from an attempt that uploaded it. */
export const artifactsAreCommittedOnce = ({ events }) => {
  const uploaded = new Map(ofType(events, 'ArtifactUploaded').map((event) => [event.data.artifactId, event]));
  const seen = new Set();
  return ofType(events, 'ArtifactCommitted').flatMap(({ data: { artifactId, manifestDigest } }) => {
    const upload = uploaded.get(artifactId);
    if (seen.has(artifactId)) return [`artifact ${artifactId} was committed twice`];
    seen.add(artifactId);
    return upload?.data.manifestDigest === manifestDigest ? [] : [`artifact ${artifactId} is not what was uploaded`];
  });
};
