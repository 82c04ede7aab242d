import { parseDuration } from '../duration.ts';
import type { JsonSchema } from '../grammar/json-schema.ts';
import { shape, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { shorten, type Node } from '../node.ts';
import { readText, type Where } from '../read.ts';

/** Seconds; reports `invalid-duration` for what is not a positive duration. */
const readDuration = (node: Node, where: Where, maxSeconds: number): number | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds > 0 && seconds <= maxSeconds) return seconds;
  const why = seconds === undefined ? 'is not a duration' : `must be between 1 second and ${maxSeconds} seconds`;
  const message = `${where.label} ${why}: \`${shorten(text)}\`.`;
  where.report.error(
    'invalid-duration',
    node.at,
    message,
    'Write for example `90 seconds`, `30m`, `1h 30m` or `1 week`.',
  );
  return undefined;
};

const schema: JsonSchema = { title: 'duration', type: ['string', 'number'] };

/** In seconds. */
export const duration = (maxSeconds = Number.MAX_SAFE_INTEGER): Shape<number> =>
  shape((node, where) => readDuration(node, where, maxSeconds), schema);

/** At most seven days. */
export const timeout = duration(limits.timeoutSeconds);

/** `never` is Infinity. */
export const durationOrNever: Shape<number> = shape(
  (node, where) => (node.kind === 'scalar' && node.text === 'never' ? Infinity : duration().read(node, where)),
  { ...schema, title: 'duration or `never`' },
);
