/** What a query says of the part of an index that it wants. */
export type IndexPart = { prefix?: string | undefined; after?: string | undefined; reverse?: boolean | undefined };

const LAST_CODE_POINT = 0x10ffff;
const [SURROGATES, BEHIND_SURROGATES] = [0xd800, 0xe000];

/** The smallest text that sorts behind everything beginning with the prefix; `undefined` when there is none. */
export const behindPrefix = (prefix: string): string | undefined => {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last + 1 === SURROGATES ? BEHIND_SURROGATES : last + 1);
};
