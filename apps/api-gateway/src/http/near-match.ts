/** Longer words are nobody's slip of the hand, and comparing them would cost. */
const LONGEST = 64;

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
};

/** The word that was probably meant: the nearest, when it differs in at most a third of its letters. */
export const nearMatch = (given: string, words: readonly string[]): string | undefined => {
  if (given.length > LONGEST) return undefined;
  const near = words
    .map((word) => ({ word, away: distance(given.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, away }) => away <= word.length / 3)
    .toSorted((a, b) => a.away - b.away);
  return near[0]?.word;
};
