import { showable } from './node.ts';

const longest = 64;
/** A hint is worth no more work than this, in files of thousands of names. */
const mostCandidates = 500;

/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export const editDistance = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + same);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
};

/** The known words that are nearest to a word, if any is near; never one that cannot be shown. */
const allNearest = (word: string, known: Iterable<string>): string[] => {
  if (word.length > longest) return [];
  // Of a short word nothing would be left.
  const allowed = word.length < 5 ? Math.min(1, word.length - 1) : 2;
  let compared = 0;
  let best = allowed;
  let words: string[] = [];
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > allowed || candidate.length > longest) continue;
    if (showable(candidate) !== candidate) continue;
    if (++compared > mostCandidates) break;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance > best) continue;
    words = distance < best ? [candidate] : [...words, candidate];
    best = distance;
  }
  return words;
};

/** The known word that the author most likely meant, if one is near. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => allNearest(word, known).at(0);

/** The word that was probably meant instead of the one that is written. */
export type Suggestion = { hint: string; written: string; meant: string };

/** Nothing when no known word is near; of several that are as near, nobody knows which one was meant. */
export const didYouMean = (written: string, known: Iterable<string>): Suggestion | string | undefined => {
  const [meant, other] = allNearest(written, known);
  if (meant === undefined) return undefined;
  if (other !== undefined) return `Did you mean \`${meant}\` or \`${other}\`?`;
  return suggestion(written, meant);
};

export const suggestion = (written: string, meant: string): Suggestion => ({
  hint: `Did you mean \`${meant}\`?`,
  written,
  meant,
});
