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

/** The known word that the author most likely meant, if one is near; never one that cannot be shown. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  if (word.length > longest) return undefined;
  const allowed = Math.min(2, Math.floor(word.length / 3) + 1);
  let compared = 0;
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > allowed || candidate.length > longest) continue;
    if (showable(candidate) !== candidate) continue;
    if (++compared > mostCandidates) break;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowed && distance < (best?.distance ?? Infinity)) best = { word: candidate, distance };
  }
  return best?.word;
};

/** The word that was probably meant instead of the one that is written. */
export type Suggestion = { hint: string; written: string; meant: string };

/** Nothing when no known word is near. */
export const didYouMean = (written: string, known: Iterable<string>): Suggestion | undefined => {
  const meant = nearest(written, known);
  return meant === undefined ? undefined : suggestion(written, meant);
};

export const suggestion = (written: string, meant: string): Suggestion => ({
  hint: `Did you mean \`${meant}\`?`,
  written,
  meant,
});
