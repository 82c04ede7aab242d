import { parseDuration } from '../duration.ts';
import { limits } from '../limits.ts';
import type { Node } from '../node.ts';
import { readText, type Where } from '../read.ts';

/** Seconds; reports `invalid-duration` for what is not a positive duration. */
export const readDuration = (node: Node, where: Where, maxSeconds = Number.MAX_SAFE_INTEGER): number | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds > 0 && seconds <= maxSeconds) return seconds;
  const why = seconds === undefined ? 'is not a duration' : `must be between 1 second and ${maxSeconds} seconds`;
  const message = `${where.label} ${why}: \`${text.slice(0, 60)}\`.`;
  where.report.error(
    'invalid-duration',
    node.at,
    message,
    'Write for example `90 seconds`, `30m`, `1h 30m` or `1 week`.',
  );
  return undefined;
};

/** `timeout:` of a job in seconds, at most seven days. */
export const readTimeout = (node: Node, where: Where): number | undefined =>
  readDuration(node, where, limits.timeoutSeconds);
