import type { Fix, Place } from '@foldline/contracts';
import type { Suggestion } from './suggest.ts';

/** What means the same with and without quotes, in blocks and in brackets. */
const PLAIN = /^[A-Za-z0-9_.](?:[\w./ -]*[\w.-])?$/;
/** What may stand behind a word that ends there. */
const END = /^['"]?\s*(?:[,:\]}#]|$)/;

/** The word that was meant in the place of the one that is written; nothing where it does not stand there as it is. */
export const replacement = (
  text: string | undefined,
  { line, column }: Place,
  { written, meant }: Suggestion,
): Fix | undefined => {
  const source = text === undefined ? undefined : lineOf(text, line);
  if (source === undefined || !PLAIN.test(meant) || written === '') return undefined;
  const start = /^['"]/.test(source.slice(column - 1)) ? column : column - 1;
  const end = start + written.length;
  if (!source.startsWith(written, start) || !END.test(source.slice(end))) return undefined;
  return { from: { line, column: start + 1 }, to: { line, column: end + 1 }, text: meant };
};

/** A line by its number, without the break at its end. */
const lineOf = (text: string, number: number): string | undefined => {
  const start = offsetOf(text, { line: number, column: 1 });
  if (start === undefined) return undefined;
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
};

/** How many characters stand before a place; nothing when the text has fewer lines. */
export const offsetOf = (text: string, { line, column }: Place): number | undefined => {
  let start = 0;
  for (let before = 1; before < line; before++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return undefined;
  }
  return start + column - 1;
};

const isBefore = (a: Place, b: Place): boolean => a.line < b.line || (a.line === b.line && a.column < b.column);

/**
 * The text with the fixes in it, and everything else as it was. Of two that are about the same characters the first one
 * is taken: what the other one says may no longer be true.
 */
export const applyFixes = (text: string, fixes: readonly Fix[]): { text: string; applied: Fix[] } => {
  const applied: Fix[] = [];
  let result = '';
  let done = 0;
  for (const fix of fixes.toSorted((a, b) => (isBefore(a.from, b.from) ? -1 : 1))) {
    const [from, to] = [offsetOf(text, fix.from), offsetOf(text, fix.to)];
    if (from === undefined || to === undefined || from < done || to < from) continue;
    result += text.slice(done, from) + fix.text;
    done = to;
    applied.push(fix);
  }
  return { text: result + text.slice(done), applied };
};
