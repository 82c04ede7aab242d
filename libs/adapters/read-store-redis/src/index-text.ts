import { behindPrefix, type IndexPart } from '@foldline/kernel';

/** Bounds of a range of index members, as ZRANGEBYLEX takes them. */
export type LexRange = { from: string; to: string };

const ZERO = '\0';

/** Text as it is once sent and read back: half a surrogate pair does not survive UTF-8. */
export const wellFormed = (text: string): string => Buffer.from(text).toString();

/** An index value as it begins its members (see the script that applies): sorts as the value's bytes do. */
export const memberText = (value: string): string => wellFormed(value).replaceAll(ZERO, `${ZERO}\u0001`);

export const valueOf = (member: string): string => member.replaceAll(`${ZERO}\u0001`, ZERO);

/** The members that a query reads; `undefined` when nothing can lie in its range. */
export const lexRangeOf = ({ prefix = '', after, reverse = false }: IndexPart): LexRange | undefined => {
  const begin = memberText(prefix);
  const end = behindPrefix(wellFormed(prefix));
  const whole = { from: begin === '' ? '-' : `[${begin}`, to: end === undefined ? '+' : `(${memberText(end)}` };
  if (after === undefined) return whole;
  const cursor = memberText(after);
  if (cursor.startsWith(begin)) {
    // Behind every member of the value, and before those that only begin with it.
    return reverse ? { ...whole, to: `(${cursor}` } : { ...whole, from: `[${cursor}${ZERO}\u0001` };
  }
  const beforeIt = Buffer.compare(Buffer.from(cursor), Buffer.from(begin)) < 0;
  return beforeIt === reverse ? undefined : whole;
};
