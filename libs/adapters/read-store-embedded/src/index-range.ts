/** What part of an index a query reads; bounds are compared byte by byte in UTF-8, as SQLite and Redis do. */
export type IndexRange = {
  lower?: { value: string; inclusive: boolean };
  /** Always exclusive. */
  upper?: string;
};

/** What a query says of the entries that it wants. */
type Asked = { prefix?: string | undefined; after?: string | undefined; reverse?: boolean | undefined };

/** The range of a query; `undefined` when nothing can lie in it. */
export const rangeOf = ({ prefix = '', after, reverse = false }: Asked): IndexRange | undefined => {
  const end = behindPrefix(prefix);
  const whole: IndexRange = {
    ...(prefix === '' ? {} : { lower: { value: prefix, inclusive: true } }),
    ...(end === undefined ? {} : { upper: end }),
  };
  if (after === undefined) return whole;
  if (after.startsWith(prefix)) {
    return reverse ? { ...whole, upper: after } : { ...whole, lower: { value: after, inclusive: false } };
  }
  const beforeIt = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) < 0;
  return beforeIt === reverse ? undefined : whole;
};

const LAST_CODE_POINT = 0x10ffff;
const [SURROGATES, BEHIND_SURROGATES] = [0xd800, 0xe000];

/** The smallest text that sorts behind everything beginning with the prefix; `undefined` when there is none. */
const behindPrefix = (prefix: string): string | undefined => {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last + 1 === SURROGATES ? BEHIND_SURROGATES : last + 1);
};
