const MOST_CHARACTERS = 250;
const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._/#+@=,-]*$/u;
const ODD = /\.\.|\/\/|@\{|\/$|\.lock$|\.$/;

/** Names that git would accept are many more; these cannot be mistaken for options, revisions or shell text (CVE-2022-42968). */
export const isPlainRef = (name: string): boolean =>
  name.length <= MOST_CHARACTERS && PLAIN.test(name) && !ODD.test(name);
