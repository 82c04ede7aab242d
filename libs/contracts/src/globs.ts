const OPEN = '(?:';
const CLOSE = ')';
const SPECIAL = /[\\^$.|?*+()[\]{}]/;

/**
 * A path pattern as the source of a regular expression (RE2 syntax) for one whole path: `*` and `?` stay within one
 * segment, `**` crosses them, `[a-z]`, `[!a-z]` and `{a,b}` choose. A leading dot is a character like any other, and a
 * bracket or brace that is not closed stands for itself. The only pattern that does not compile holds a range that runs
 * backwards, as in `[z-a]`.
 */
export const regexOfGlob = (pattern: string): string => {
  let output = '';
  let braces = 0;
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const [token, regex] = nextToken(rest, at === 0 || pattern[at - 1] === '/', braces);
    if (regex === OPEN) braces += 1;
    if (regex === CLOSE) braces -= 1;
    output += regex;
    at += token.length;
  }
  return output + CLOSE.repeat(braces);
};

/** The longest token at the start of `rest`, and its meaning. */
const nextToken = (rest: string, startsSegment: boolean, braces: number): [string, string] => {
  if (startsSegment && rest.startsWith('**/')) return ['**/', '(?:[^/]*/)*'];
  if (rest.startsWith('**')) return [/^\*+/.exec(rest)![0], '.*'];
  if (rest[0] === '*') return ['*', '[^/]*'];
  if (rest[0] === '?') return ['?', '[^/]'];
  if (rest[0] === '{' && rest.includes('}')) return ['{', OPEN];
  if (rest[0] === '}' && braces > 0) return ['}', CLOSE];
  if (rest[0] === ',' && braces > 0) return [',', '|'];
  const set = /^\[([!^]?)([^\]/\\[]+)\]/.exec(rest);
  if (set) return [set[0], setOf(set[2]!, set[1] !== '')];
  const [letter] = rest;
  return [letter!, SPECIAL.test(letter!) ? `\\${letter}` : letter!];
};

/** A hyphen at either end is a letter; elsewhere it makes a range. Whatever is not in a set is still within its segment. */
const setOf = (letters: string, negated: boolean): string => {
  const members = letters
    .replaceAll('^', '\\^')
    .replace(/^-/, '\\-')
    .replace(/(?<=.)-$/, '\\-');
  return `[${negated ? '^/' : ''}${members}]`;
};

/** The pattern without what says nothing: `./` before it, `/` after it. `.` is the whole directory, and so `**`. */
export const normalizeGlob = (text: string): string => {
  const plain = text
    .trim()
    .replace(/^(?:\.\/+)+/, '')
    .replace(/(?<=.)\/+$/, '');
  return plain === '.' || (plain === '' && text.trim() !== '') ? '**' : plain;
};
