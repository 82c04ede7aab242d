import { behindPrefix, type IndexPart } from '@foldline/kernel';

/** What part of an index a query reads; bounds are compared byte by byte in UTF-8, as SQLite and Redis do. */
export type IndexRange = {
  lower?: { value: string; inclusive: boolean };
  /** Always exclusive. */
  upper?: string;
};

/** The range of a query; `undefined` when nothing can lie in it. */
export const rangeOf = ({ prefix = '', after, reverse = false }: IndexPart): IndexRange | undefined => {
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
