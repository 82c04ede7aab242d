import { editDistance } from '../suggest.ts';

const SHORTEST = 4;
const SHORTEST_WORD = 5;

/**
 * Whether a name is surely another one with a slip in it: in its case, its underscores, or within one word of it. Numbers,
 * first letters and endings tell names apart on purpose: `HOST_A` and `HOST_B`, `TARGET` and `TARGETS`.
 */
export const isSlip = (written: string, known: string): boolean => {
  if (written === known || Math.min(written.length, known.length) < SHORTEST) return false;
  const [bare, theirBare] = [bareOf(written), bareOf(known)];
  if (bare === theirBare) return true;
  // What is written in capitals may be a variable of the machine: `HOME` beside `home`.
  if (bare !== bare.toUpperCase() && bare.toUpperCase() === theirBare.toUpperCase()) return true;
  const [ours, theirs] = [written.split('_'), known.split('_')];
  if (ours.length !== theirs.length) return false;
  const unlike = ours.flatMap((word, index) => (word === theirs[index] ? [] : [[word, theirs[index]!] as const]));
  return unlike.length === 1 && isSlipOfWord(...unlike[0]!);
};

const bareOf = (name: string): string => name.replaceAll('_', '');

const isSlipOfWord = (written: string, known: string): boolean =>
  Math.min(written.length + 1, known.length) >= SHORTEST_WORD &&
  !/\d/.test(written + known) &&
  written[0] === known[0] &&
  written.at(-1) === known.at(-1) &&
  editDistance(written, known) === 1;
